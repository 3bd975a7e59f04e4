import Files
import Foundation
import Torch

/// The distribution of tensors over the files of a folder: "model.safetensors" where one is enough,
/// otherwise "model-00001-of-00003.safetensors" and so on with "model.safetensors.index.json".
public struct ShardPlan {
  public struct Shard {
    public let file: String
    public let groups: [PendingTensors]
    /// Bytes of the tensors, without the header.
    public var byteCount: Int { groups.reduce(0) { $0 + $1.byteCount } }
  }

  /// Bytes of tensors that a file holds at most, where one group does not have more.
  public static let standardLimit = 4_000_000_000

  public let shards: [Shard]

  /// Fills one file after the other.
  public init(_ groups: [PendingTensors], limit: Int = standardLimit) {
    var parts: [[PendingTensors]] = [[]]
    var size = 0
    for group in groups {
      if size > 0, size + group.byteCount > limit {
        parts.append([])
        size = 0
      }
      parts[parts.count - 1].append(group)
      size += group.byteCount
    }
    let count = parts.count
    shards = parts.enumerated().map { index, groups in
      Shard(file: Self.name(index + 1, of: count), groups: groups)
    }
  }

  public var byteCount: Int { shards.reduce(0) { $0 + $1.byteCount } }

  /// Writes the files into `folder`, each with `metadata`.
  /// - Parameters:
  ///   - folder: an existing one.
  ///   - metadata: texts of the files' headers.
  ///   - progress: called after each tensor with its bytes; an error thrown here stops the work.
  /// - Throws: as `writeSafetensors`.
  public func write(
    to folder: String, metadata: [String: String], progress: (Int) throws -> Void = { _ in }
  ) throws {
    try write(
      to: folder, announced: metadata, progress: progress, written: { _, _ in },
      metadata: { metadata })
  }

  /// Writes the files into `folder`, with texts that are known only when all tensors are written,
  /// such as digests of what they were read from.
  /// - Parameters:
  ///   - folder: an existing one.
  ///   - announced: texts of the headers with the same keys and lengths as the final ones.
  ///   - progress: called after each tensor with its bytes; an error thrown here stops the work.
  ///   - written: called with each tensor's name and the bytes that were written.
  ///   - metadata: gives the texts, after the last tensor.
  /// - Throws: as `writeSafetensors`, and what the closures throw.
  public func write(
    to folder: String, announced: [String: String], progress: (Int) throws -> Void,
    written: (String, UnsafeRawBufferPointer) -> Void,
    metadata: () throws -> [String: String]
  ) throws {
    try throwingResourceErrors {
      let outputs = try shards.map {
        try SafetensorsOutput($0.groups, announced, to: "\(folder)/\($0.file)")
      }
      for output in outputs { try output.writeTensors(progress, written: written) }
      let texts = try metadata()
      for output in outputs { try output.commit(texts) }
    }
    guard shards.count > 1 else { return }
    try AtomicFile.write(Data(index.utf8), to: "\(folder)/\(WeightFolder.layouts[0].1)")
  }

  /// Which tensor is in which file.
  private var index: String {
    let places = shards.flatMap { shard in
      shard.groups.flatMap(\.entries).map { ($0.name, shard.file) }
    }.sorted { $0.0 < $1.0 }
    let lines = places.map { "    \(json($0)): \(json($1))" }.joined(separator: ",\n")
    return """
      {
        "metadata": {"total_size": \(byteCount)},
        "weight_map": {
      \(lines)
        }
      }

      """
  }

  private static func name(_ number: Int, of count: Int) -> String {
    guard count > 1 else { return WeightFolder.layouts[0].0 }
    func digits(_ number: Int) -> String {
      String(repeating: "0", count: max(0, 5 - String(number).count)) + String(number)
    }
    return "model-\(digits(number))-of-\(digits(count)).safetensors"
  }
}
