import Files
import Foundation

extension CheckpointFolder {
  /// Whether all ranks see one another's files in the run's folder, which is there.
  /// - Parameter patience: the seconds for which network file systems keep what they know of a
  ///   folder.
  /// - Throws: `TrainingError.folderNotShared` on all ranks where one sees another folder than rank
  ///   0.
  func checkShared(_ ranks: Ranks, patience: Double = 5) throws {
    let token = try ranks.ofFirst([DispatchTime.now().uptimeNanoseconds])[0]
    let path = run + "/.ranks-\(token)"
    if ranks.isFirst { try writing(path) { try AtomicFile.write(Data(), to: path) } }
    defer { if ranks.isFirst { try? FileManager.default.removeItem(atPath: path) } }
    _ = try ranks.ofFirst(0.0)  // the file is there
    let blind = try ranks.all([appears(path, patience: patience) ? 0 : 1]).firstIndex { $0[0] > 0 }
    if let blind { throw TrainingError.folderNotShared(folder: run, rank: blind) }
  }

  /// Whether a file that another machine has made is here, or comes within some seconds.
  func appears(_ path: String, patience: Double = 5) -> Bool {
    let end = Date().addingTimeInterval(patience)
    while !FileManager.default.fileExists(atPath: path) {
      guard Date() < end else { return false }
      Thread.sleep(forTimeInterval: 0.05)
    }
    return true
  }
}
