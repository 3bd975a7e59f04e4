import Foundation
import Imaging
import Torch

/// The comparison of the files of one picture.
final class PictureComparison {
  let stem: String
  let crop: Int?
  let earlier: EvaluationReport.Picture?
  private var sources: [String: FileStamp] = [:]
  private(set) var picture: EvaluationReport.Picture?
  private(set) var problems: [String] = []

  init(stem: String, crop: Int?, earlier: EvaluationReport.Picture?) {
    (self.stem, self.crop, self.earlier) = (stem, crop, earlier)
  }

  /// Adds the picture from the folder of a method, of the references or of the inputs.
  func add(_ role: String, _ folder: PictureFolder) {
    sources[role] = attempt { try FileStamp(folder.counterpart(of: stem)) }
  }

  func has(_ role: String) -> Bool { sources[role] != nil }

  /// Scores the pictures without earlier figures.
  func score(_ methods: [String], _ suite: MetricSuite) {
    let (reference, input) = (EvaluationReport.reference, EvaluationReport.input)
    // Maps the name of each set of figures to the role of its file.
    var origins = Dictionary(uniqueKeysWithValues: methods.filter(has).map { ($0, $0) })
    if has(input) { origins[EvaluationReport.baseline] = input }
    if has(reference) { origins[reference] = reference }
    guard let main = ([reference] + methods).first(where: has), methods.contains(where: has) else {
      return
    }
    let kept = origins.filter { isUnchanged($0.value) && earlier?.scores[$0.key] != nil }
    if kept.count == origins.count, var earlier {
      earlier.scores = earlier.scores.filter { origins[$0.key] != nil }
      earlier.sources = sources
      picture = earlier
      return
    }
    guard let size = attempt({ try ImageFile.open(sources[main]!.path).rect }) else { return }
    let scale: Int? = has(input) ? attempt { try inputScale(of: size) } : nil
    if scale == nil { origins[EvaluationReport.baseline] = nil }
    let part = size.centre(width: crop ?? .max, height: crop ?? .max, unit: scale ?? 1)
    guard !part.isEmpty else { return }

    var result = EvaluationReport.Picture(file: stem, width: part.width, height: part.height)
    if let scale {
      (result.inputWidth, result.inputHeight) = (part.width / scale, part.height / scale)
    }
    var original: MetricSuite.Reference?
    if has(reference) {
      original = attempt { suite.reference(try read(reference, size, part)) }
      guard original != nil else { return }
    }
    for (name, role) in origins {
      if kept[name] != nil {
        result.scores[name] = earlier?.scores[name]
      } else if name == reference {
        result.scores[name] = attempt { original.map(suite.scores) } ?? nil
      } else if name == EvaluationReport.baseline {
        let small = PixelRect(width: size.width / scale!, height: size.height / scale!)
        result.scores[name] = attempt {
          let image = try read(role, small, part.divided(by: scale!))
          return suite.scores(image.bicubic(scale!), original)
        }
      } else {
        result.scores[name] = attempt { suite.scores(try read(role, size, part), original) }
      }
    }
    result.sources = sources.filter { $0.key == input || result.scores[$0.key] != nil }
    if result.scores.values.contains(where: { !$0.isEmpty }) {
      picture = result
    } else if problems.isEmpty {
      problems.append(
        "\(sources[main]!.path): too small or too flat for every metric: \(part.width)x"
          + "\(part.height) pixels, \(suite.border) of them left out at the edges")
    }
  }

  /// Whether a file, its reference and the input, which determines where parts begin, are
  /// unchanged.
  private func isUnchanged(_ role: String) -> Bool {
    guard let earlier else { return false }
    return [role, EvaluationReport.reference, EvaluationReport.input].allSatisfy {
      sources[$0] == earlier.sources[$0]
    }
  }

  /// The factor between the sizes of the pictures and of the input.
  private func inputScale(of size: PixelRect) throws -> Int {
    let path = sources[EvaluationReport.input]!.path
    let input = try ImageFile.open(path).rect
    let scale = size.width / input.width
    guard scale >= 1, size.width == scale * input.width, size.height == scale * input.height else {
      throw EvaluationError(
        "\(path): \(size.width)x\(size.height) pixels are not a whole multiple of its "
          + "\(input.width)x\(input.height); give the inputs of these pictures")
    }
    return scale
  }

  /// Reads a part of a picture, which has to have the given size.
  private func read(_ role: String, _ size: PixelRect, _ part: PixelRect) throws -> Image {
    try ImageFile.readRGB(sources[role]!.path, width: size.width, height: size.height)
      .cropped(to: part)
  }

  private func attempt<T>(_ body: () throws -> T) -> T? {
    do {
      return try throwingResourceErrors(body)
    } catch {
      problems.append("\(error)")
      return nil
    }
  }
}

extension PixelRect {
  /// The rectangle in a picture that is `scale` times smaller.
  func divided(by scale: Int) -> PixelRect {
    PixelRect(x: x / scale, y: y / scale, width: width / scale, height: height / scale)
  }
}
