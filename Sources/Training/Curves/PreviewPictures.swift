import Files
import Foundation
import Imaging

/// The previews that a page of curves holds: the first of the run and the two newest, reduced.
struct PreviewPictures {
  struct Picture {
    let step: Int
    let width, height: Int
    /// A WebP file in base64.
    let text: String
  }

  private let folder: String
  /// The longer side of a reduced sheet in pixels.
  private static let side = 1400
  private var reduced: [Int: Picture] = [:]

  /// - Parameter folder: the run's previews.
  init(folder: String) { self.folder = folder }

  static func path(_ folder: String, step: Int) -> String { folder + "/step-\(padded(step)).jpg" }

  /// The updates of the previews in the folder, oldest first.
  var steps: [Int] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
      .compactMap { numbered($0, prefix: "step-", suffix: ".jpg") }.sorted()
  }

  /// The pictures to show; a sheet that cannot be read is left out.
  mutating func pictures() -> [Picture] {
    let all = steps
    let shown = (all.prefix(1) + all.dropFirst().suffix(2))
    reduced = reduced.filter { shown.contains($0.key) }
    return shown.compactMap { step in
      if reduced[step] == nil { reduced[step] = try? reduce(step) }
      return reduced[step]
    }
  }

  private func reduce(_ step: Int) throws -> Picture {
    try TemporaryFolder.with { temporary in
      let output = temporary + "/preview.webp"
      let size = try ImageFile.reduce(
        Self.path(folder, step: step), to: output, ReductionBounds(side: Self.side), quality: 80)
      let data = try Data(contentsOf: URL(fileURLWithPath: output))
      return Picture(
        step: step, width: size.width, height: size.height, text: data.base64EncodedString())
    }
  }
}
