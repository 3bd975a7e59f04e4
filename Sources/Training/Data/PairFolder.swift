import Files
import Foundation

/// The layout of real pairs: folders `lr` and `hr`, and beside them `teacher` where another method
/// made pictures of the same `lr`. Pictures that belong together have the same name, whatever their
/// extensions.
struct PairFolder {
  let path: String
  let hasTeacher: Bool
  /// Of the high-quality and the low-quality pictures, and of the teacher's where there are any.
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
  /// - Throws: `TrainingError.pairs` naming a picture without counterpart.
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

  /// - Throws: `TrainingError.pairs` where the sizes of a pair's pictures do not fit.
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

  /// Paths by the name below `folder` without the extension.
  private static func filesByName(_ folder: String) throws -> [String: String] {
    var result: [String: String] = [:]
    // A picture that cannot be used would leave its counterparts alone.
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
