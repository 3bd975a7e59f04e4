import Checkpoints
import Files
import Foundation
import NSARM
import PublishedCheckpoints

/// The files that weights are read from, and their digests, which are taken while the weights are
/// converted: in the order of the files, so that the disk is read once for both.
final class ConvertSources {
  /// Called with the bytes of which the digest was taken; an error thrown here stops the work.
  var progress: (Int) throws -> Void = { _ in }

  private let files: [(title: String, paths: [String])]
  private let digests: [RunningDigest]

  /// - Parameter files: each with its title and its paths, which are several where it is in pieces.
  init(_ files: [(title: String, paths: [String])]) {
    self.files = files
    digests = files.map {
      RunningDigest($0.paths, joinedMD5: $0.paths.count > 1 || Self.isNSARM($0.paths[0]))
    }
  }

  var paths: [String] { files.flatMap(\.paths) }

  var byteCount: Int { paths.reduce(0) { $0 + Self.byteCount($1) } }

  /// Weights in a format, in files; before each is read its file's digest is taken up to its end.
  func plan(_ weights: [PublishedWeight], _ format: WeightFormat) -> ShardPlan {
    let places = weights.map { $0.file.place($0.key) }
    func key(_ index: Int) -> (file: Int, start: Int, index: Int) {
      let file = files.firstIndex { $0.title == places[index]?.file } ?? files.count
      return (file, places[index]?.bytes.lowerBound ?? 0, index)
    }
    let order = weights.indices.map(key).sorted(by: <)
    return ShardPlan(
      order.map { file, _, index in
        let pending = format.pending(weights[index])
        guard file < files.count, let end = places[index]?.bytes.upperBound else { return pending }
        return pending.preceded { [self] in try digests[file].advance(to: end, progress: progress) }
      })
  }

  /// The texts on the sources in the metadata of the files, with digests of zeros.
  var announced: [String: String] {
    texts(
      files.map { file in
        let sum = String(repeating: "0", count: 64)
        return (file.paths.map { _ in sum }, String(repeating: "0", count: 32))
      })
  }

  /// The texts on the sources in the metadata of the files. Reads the rest of the sources.
  /// - Throws: `FileError`, and what `progress` throws.
  func provenance() throws -> [String: String] {
    texts(
      try digests.map { digest in
        let sums = try digest.finish(progress: progress)
        return (sums.sha256, sums.joinedMD5)
      })
  }

  /// The published NSARM, where a source is; with other bytes under its name a message for the
  /// user.
  func nsarm() throws -> (isPublished: Bool, difference: String?) {
    for (file, digest) in zip(files, digests) {
      guard let sum = try digest.finish(progress: progress).joinedMD5 else { continue }
      if sum == PublishedCheckpoint.nsarm.md5 { return (true, nil) }
      return (
        false,
        "\(file.title): MD5 \(sum), the published \(PublishedCheckpoint.nsarm.name) has"
          + " \(PublishedCheckpoint.nsarm.md5!); if it was downloaded, download it again"
      )
    }
    return (false, nil)
  }

  private func texts(_ sums: [(sha256: [String], md5: String?)]) -> [String: String] {
    var result: [String: String] = [:]
    for (file, digest) in zip(files, sums) {
      for (path, sum) in zip(file.paths, digest.sha256) {
        let name = (path as NSString).lastPathComponent
        result["source \(name)"] = "\(Self.byteCount(path)) bytes, SHA-256 \(sum)"
      }
      if let md5 = digest.md5, file.paths.count > 1 { result["source, all pieces"] = "MD5 \(md5)" }
    }
    return result
  }

  /// Whether a file has the name of the published NSARM.
  private static func isNSARM(_ path: String) -> Bool {
    (path as NSString).lastPathComponent == PublishedCheckpoint.nsarm.name
  }

  private static func byteCount(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }
}
