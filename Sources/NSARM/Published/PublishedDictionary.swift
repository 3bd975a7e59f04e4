import Checkpoints
import Torch

/// One dictionary of a checkpoint: the tensors whose names begin with `root`, by the rest of their
/// names.
struct PublishedDictionary {
  let file: any TensorFile
  let root: String
  let keys: [String]
  private let known: Set<String>

  init(_ file: any TensorFile, root: String) {
    self.file = file
    self.root = root
    keys = file.names.filter { $0.hasPrefix(root) }.map { String($0.dropFirst(root.count)) }
    known = Set(keys)
  }

  /// The dictionary that holds one of the keys `markers`.
  /// - Parameters:
  ///   - preferred: names of dictionaries; the first that is there is taken of several.
  ///   - content: what is looked for, for messages.
  /// - Throws: `CheckpointError` where there is none, or several of which none is preferred.
  static func find(
    _ markers: [String], in file: any TensorFile, preferred: [String], content: String
  ) throws -> PublishedDictionary {
    var roots: [String] = []
    for name in file.names {
      for marker in markers where name.hasSuffix(marker) {
        let root = String(name.dropLast(marker.count))
        if root.isEmpty || root.hasSuffix("."), !roots.contains(root) { roots.append(root) }
      }
    }
    let wanted = preferred.map { $0.isEmpty ? "" : $0 + "." }
    if let root = wanted.first(where: roots.contains) ?? (roots.count == 1 ? roots[0] : nil) {
      return PublishedDictionary(file, root: root)
    }
    guard roots.isEmpty else {
      throw CheckpointError(
        file.title, "holds several dictionaries of \(content): \(roots.joined(separator: " "))")
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

  /// How many of `prefix`0, `prefix`1, ... the names have, from 0 without a gap.
  func count(_ prefix: String) -> Int {
    var found: Set<Int> = []
    for key in keys where key.hasPrefix(prefix) {
      if let index = Int(key.dropFirst(prefix.count).prefix { $0 != "." }) { found.insert(index) }
    }
    var count = 0
    while found.contains(count) { count += 1 }
    return count
  }

  /// The file's other dictionaries, such as an optimiser's state, and how many tensors they have.
  var others: [(name: String, count: Int)] {
    var counts: [String: Int] = [:]
    for name in file.names where !name.hasPrefix(root) {
      // As deep as this one: "trainer.gpt_opt" beside "trainer.gpt_fsdp".
      let depth = max(1, root.split(separator: ".").count)
      counts[name.split(separator: ".").prefix(depth).joined(separator: "."), default: 0] += 1
    }
    return counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}
