import Checkpoints
import Files
import Foundation
import Torch

/// An on-disk cache of prompt features, one safetensors file for each: float16 `[n, channels]`.
///
/// Entries that are damaged or cannot be read count as absent; failures to write are ignored.
public struct PromptCache: Sendable {
  public let folder: String
  /// The size in bytes that `trim` reduces the cache to; nil for no limit.
  public let limit: Int?

  public init(_ folder: String, limit: Int? = nil) {
    self.folder = folder
    self.limit = limit
  }

  /// The user's cache: `prompts` in `$XDG_CACHE_HOME/nsarm`, else in `~/.cache/nsarm`, of at most
  /// 512 MiB.
  public static func standard(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> PromptCache {
    let caches = UserFolder.cache.path(environment: environment) ?? NSHomeDirectory() + "/.cache"
    return PromptCache(caches + "/nsarm/prompts", limit: 512 << 20)
  }

  /// The key of a text's features under one encoder.
  struct Key {
    /// A fingerprint of the encoder's weights and tokenizer and of its length limit.
    let encoder: UInt64
    let text: String

    /// A 128-bit hash of both. Texts with the same hash are distinguished by the file's metadata.
    var name: String {
      [encoder, ~encoder].map { start in
        hexadecimal(text.utf8.reduce(start) { RandomStream.key($0, UInt64($1)) })
      }.joined()
    }

    /// Includes the arithmetic, since earlier versions computed in the model's precision.
    var metadata: [String: String] {
      ["encoder": hexadecimal(encoder), "text": text, "arithmetic": "float32"]
    }
  }

  private static let tensor = "features"

  private func path(_ key: Key) -> String { "\(folder)/\(key.name).safetensors" }

  /// - Parameter channels: the expected number of channels; entries with another number count as
  ///   damaged.
  func features(_ key: Key, channels: Int) -> Tensor? {
    let path = path(key)
    guard let file = try? SafetensorsFile(path), file.metadata == key.metadata,
      let shape = file.shape(Self.tensor), shape.count == 2, shape[0] > 0, shape[1] == channels,
      file.dtype(Self.tensor) == .float16,
      // A copy, since another process may truncate the file.
      let features = try? file.tensor(Self.tensor).cloned(), features.isFinite().allTrue
    else { return nil }
    // Marks the file as recently used.
    utimes(path, nil)
    return features
  }

  /// Whether there is an entry, without reading it.
  func contains(_ key: Key) -> Bool { FileManager.default.fileExists(atPath: path(key)) }

  func store(_ features: Tensor, _ key: Key) {
    // Prompts are private to the user.
    try? FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    try? writeSafetensors([(Self.tensor, features)], metadata: key.metadata, to: path(key))
  }

  /// Removes the least recently used features, down to the limit.
  func trim() {
    guard let limit else { return }
    var total = 0
    var files: [(path: String, size: Int, used: Int)] = []
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    where name.hasSuffix(".safetensors") {
      let path = folder + "/" + name
      var status = stat()
      guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      let size = Int(status.st_size)
      files.append((path, size, status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec))
      total += size
    }
    for file in files.sorted(by: { $0.used < $1.used }) where total > limit {
      if unlink(file.path) == 0 { total -= file.size }
    }
  }
}
