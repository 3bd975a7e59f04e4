import Checkpoints
import NSARM
import Torch

/// One dictionary of a checkpoint: the tensors whose names begin with `root`, by the rest of their
/// names.
struct PublishedDictionary {
  let file: any TensorFile
  let root: String
  let keys: [String]
  private let known: Set<String>
  /// Prefixes of the names of other dictionaries that lie inside of this one.
  private let inner: [String]

  /// - Parameters:
  ///   - file: the checkpoint.
  ///   - root: the prefix of its names.
  ///   - inner: prefixes of the names of dictionaries inside of this one that are left out.
  init(_ file: any TensorFile, root: String, besides inner: [String] = []) {
    self.file = file
    self.root = root
    self.inner = inner
    keys = file.names.filter { name in
      name.hasPrefix(root) && !inner.contains { name.hasPrefix($0) }
    }.map { String($0.dropFirst(root.count)) }
    known = Set(keys)
  }

  /// The dictionary that holds one of the keys `markers`. Of several with the same names, such as
  /// weights and their averages, one is taken; the others are among `others`.
  /// - Parameters:
  ///   - markers: keys of which every such dictionary has one.
  ///   - file: the checkpoint; levels of names that training puts around a model are taken away.
  ///   - preferred: names of dictionaries; the first that is there is taken of several, and where
  ///     none is, the first that is no average of weights and no optimiser's copy.
  ///   - content: a description of the dictionary for messages.
  /// - Throws: `CheckpointError` where there is none.
  static func find(
    _ markers: [String], in file: any TensorFile, preferred: [String], content: String
  ) throws -> PublishedDictionary {
    let file = try RenamedFile.unwrapped(file)
    var roots: [String] = []
    for name in file.names {
      for marker in markers where name.hasSuffix(marker) {
        let root = String(name.dropLast(marker.count))
        if root.isEmpty || root.hasSuffix("."), !roots.contains(root) { roots.append(root) }
      }
    }
    let wanted = preferred.map { $0.isEmpty ? "" : $0 + "." }
    func isCopy(_ root: String) -> Bool {
      root.lowercased().contains(/ema|opt|average|master|teacher/)
    }
    if let root = wanted.first(where: roots.contains)
      ?? roots.first(where: { !isCopy($0) }) ?? roots.first
    {
      let inner = roots.filter { $0 != root && $0.hasPrefix(root) }
      return PublishedDictionary(file, root: root, besides: inner)
    }
    throw CheckpointError(
      file.title,
      "is not \(content): no tensor is called '\(markers[0])'; it has "
        + file.names.prefix(4).map { "'\($0)'" }.joined(separator: ", ")
        + (file.names.count > 4 ? ", ..." : ""))
  }

  func contains(_ key: String) -> Bool { known.contains(key) }

  func shape(_ key: String) -> [Int]? { known.contains(key) ? file.shape(root + key) : nil }

  /// The size of tensor `key` along a dimension.
  /// - Throws: `CheckpointError` where there is no such tensor or dimension, or no model has it.
  func size(_ key: String, _ dimension: Int) throws -> Int {
    guard let shape = shape(key) else {
      throw CheckpointError(file.title, "lacks '\(root + key)', which tells the model's shape")
    }
    guard dimension < shape.count, (1...1 << 24).contains(shape[dimension]) else {
      throw CheckpointError(file.title, "'\(root + key)' has shape \(shape), which no model has")
    }
    return shape[dimension]
  }

  /// The number of prefixes `prefix`0, `prefix`1, ... among the names.
  /// - Throws: `CheckpointError` where one in between is missing.
  func count(_ prefix: String) throws -> Int {
    var found: Set<Int> = []
    for key in keys where key.hasPrefix(prefix) {
      if let index = Int(key.dropFirst(prefix.count).prefix { $0 != "." }) { found.insert(index) }
    }
    var count = 0
    while found.contains(count) { count += 1 }
    guard found.count == count else {
      throw CheckpointError(
        file.title, "has '\(root)\(prefix)\(found.max()!)' but not '\(root)\(prefix)\(count)'")
    }
    return count
  }

  /// The file's other dictionaries, such as an optimiser's state or averaged weights, and how many
  /// tensors they have.
  var others: [(name: String, count: Int)] {
    var counts: [String: Int] = [:]
    for name in file.names {
      if let other = inner.first(where: name.hasPrefix) {
        counts[String(other.dropLast()), default: 0] += 1
      } else if !name.hasPrefix(root) {
        // As deep as this one: "trainer.gpt_opt" beside "trainer.gpt_fsdp".
        let depth = max(1, root.split(separator: ".").count)
        counts[name.split(separator: ".").prefix(depth).joined(separator: "."), default: 0] += 1
      }
    }
    return counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// `others` in words.
  var otherTexts: [String] { others.map { "\($0.name): \($0.count) tensors" } }
}
