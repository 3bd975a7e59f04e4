import Files
import Foundation

/// The layout of real pairs: folders `lr` and `hr` and, optionally, `teacher` with another method's
/// restorations of `lr`. The pictures of a pair have the same name up to the extension.
struct PairFolder {
  let path: String
  let hasTeacher: Bool
  /// The folders of the high-quality, the low-quality and, where there are any, the teacher's
  /// pictures.
  private let folders: [String]

  /// Nil where the folder holds photos rather than pairs.
  /// - Throws: `TrainingError.pairs` where there is `lr` without `hr`.
  init?(_ path: String) throws {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    func subfolder(_ name: String) -> String? {
      names.map { path + "/" + $0 }
        .first { ($0 as NSString).lastPathComponent.lowercased() == name && isFolder($0) }
    }
    guard let low = subfolder("lr") else { return nil }
    guard let high = subfolder("hr") else {
      throw TrainingError.pairs(
        path: low, problem: "has no folder 'hr' beside it; put the high-quality pictures there")
    }
    let teacher = subfolder("teacher")
    self.path = path
    hasTeacher = teacher != nil
    folders = [high, low] + (teacher.map { [$0] } ?? [])
  }

  /// The paths of the pictures of each pair, in the order high quality, low quality, teacher.
  /// - Throws: `TrainingError.pairs`, naming a picture without a counterpart.
  func pairs() throws -> [[String]] {
    let files = try folders.map(PairFolder.filesByName)
    for own in files {
      for (folder, others) in zip(folders, files) {
        let alone = own.keys.filter { others[$0] == nil }
        guard let name = alone.min() else { continue }
        let rest = alone.count > 1 ? " (nor have \(alone.count - 1) others)" : ""
        throw TrainingError.pairs(
          path: own[name]!,
          problem:
            "has no counterpart in \(folder)\(rest); give it the same name there, whatever the "
            + "extension, or remove it")
      }
    }
    return files[0].keys.sorted().map { name in files.map { $0[name]! } }
  }

  /// - Throws: `TrainingError.pairs` where the sizes of a pair's pictures do not match.
  func check(_ pictures: [PhotoLibrary.File], scale: Int) throws {
    let (high, low) = (pictures[0], pictures[1])
    guard high.width == low.width * scale, high.height == low.height * scale else {
      throw TrainingError.pairs(
        path: high.path,
        problem: "is \(high.size) pixels, which is not \(scale) times \(low.path) with "
          + "\(low.size); resize or remove the pair")
    }
    for teacher in pictures.dropFirst(2)
    where (teacher.width, teacher.height) != (high.width, high.height) {
      throw TrainingError.pairs(
        path: teacher.path,
        problem: "is \(teacher.size) pixels, but \(high.path) is \(high.size); make it again or "
          + "remove the pair")
    }
  }

  /// The paths of the pictures in `folder` by their relative names without extension.
  private static func filesByName(_ folder: String) throws -> [String: String] {
    var result: [String: String] = [:]
    // An unusable picture would leave its counterparts without a partner.
    for file in try PhotoLibrary.pictureFiles(in: folder, report: { throw $0 }) {
      let name = (file as NSString).deletingPathExtension
      let path = folder + "/" + file
      if let other = result.updateValue(path, forKey: name) {
        throw TrainingError.pairs(path: path, problem: "has the same name as \(other); remove one")
      }
    }
    return result
  }
}
