/// The contents of a file of `torch.save`: a Python object and the bytes of its storages.
struct PickleContents {
  private let machine: PickleMachine
  private let root: PickleValue
  /// The places of the storages' bytes in the file.
  let storages: [String: Range<Int>]

  private static let zipStart: [UInt8] = [0x50, 0x4b, 0x03, 0x04]

  /// 0x1950a86a20f9469cfc6c as a pickle of protocol 2: the beginning of the format before zip.
  private static let magic: [UInt8] = [
    0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e,
  ]

  init(_ bytes: JoinedBytes) throws {
    let start = try bytes.withBytes(0, min(bytes.count, Self.magic.count)) { Array($0) }
    if start.starts(with: Self.zipStart) {
      self = try PickleContents(zip: bytes)
    } else if start == Self.magic {
      self = try PickleContents(legacy: bytes)
    } else {
      throw PickleMachine.FormatError(reason: "is not a checkpoint that torch.save wrote")
    }
  }

  /// Whether a file begins as those of `torch.save` do and ends too early: the first piece of one.
  static func isCut(_ bytes: JoinedBytes) -> Bool {
    do {
      let start = try bytes.withBytes(0, min(bytes.count, magic.count)) { Array($0) }
      if start.starts(with: zipStart) {
        _ = try ZipArchive(bytes)
      } else if start == magic {
        _ = try PickleContents(legacy: bytes)
      }
      return false
    } catch let error {
      return error is ZipArchive.FormatError || error is ByteCursor.EndReached
    }
  }

  private init(machine: PickleMachine, root: PickleValue, storages: [String: Range<Int>]) {
    self.machine = machine
    self.root = root
    self.storages = storages
  }

  /// NAME/data.pkl, NAME/byteorder and one entry NAME/data/KEY per storage.
  private init(zip bytes: JoinedBytes) throws {
    let archive = try ZipArchive(bytes)
    guard let pickle = archive.entries.keys.filter({ $0.hasSuffix("/data.pkl") }).min() else {
      throw PickleMachine.FormatError(
        reason: "is not a checkpoint that torch.save wrote: no data.pkl")
    }
    func withEntry<Result>(
      _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result { try bytes.withBytes(range.lowerBound, range.count, body) }
    let folder = pickle.dropLast("data.pkl".count)
    if let order = archive.entries[folder + "byteorder"],
      try !withEntry(order, { $0.elementsEqual("little".utf8) })
    {
      throw Self.bigEndian
    }
    var storages: [String: Range<Int>] = [:]
    for (name, range) in archive.entries where name.hasPrefix(folder + "data/") {
      storages[String(name.dropFirst(folder.count + 5))] = range
    }
    var machine = PickleMachine()
    let root = try withEntry(archive.entries[pickle]!) { part in
      var cursor = ByteCursor(part, at: 0)
      return try machine.read(&cursor)
    }
    self.init(machine: machine, root: root, storages: storages)
  }

  private static let bigEndian = PickleMachine.FormatError(
    reason: "has its numbers in big-endian order; save it on another machine")

  /// Pickles of the magic number, the protocol, the system, the object and the storages' keys, then
  /// for every key its number of elements and their bytes.
  private init(legacy bytes: JoinedBytes) throws {
    // The pickles are short beside the tensors: they are looked for in the first piece, and where
    // that ends too early in more of the file.
    var length = bytes.firstCount
    var pickles = try Self.pickles(bytes, length)
    while pickles == nil, length < bytes.count {
      length = min(bytes.count, 2 * length)
      pickles = try Self.pickles(bytes, length)
    }
    guard let (machine, root, keys, end) = pickles else { throw ByteCursor.EndReached() }
    var position = end
    var storages: [String: Range<Int>] = [:]
    for value in machine.sequences[keys] {
      guard case .text(let key) = value, let type = machine.storages[key]?.type,
        let size = isUntyped(type) ? 1 : elementType(storage: type)?.size
      else {
        throw PickleMachine.FormatError(reason: "has a storage whose element type is not supported")
      }
      let number = try bytes.withBytes(position, 8) { $0.loadUnaligned(as: UInt64.self) }
      let count = Int(exactly: UInt64(littleEndian: number)) ?? .max
      let (length, overflow) = count.multipliedReportingOverflow(by: size)
      let start = position + 8
      guard !overflow, length <= bytes.count - start else { throw ByteCursor.EndReached() }
      position = start + length
      storages[key] = start..<position
    }
    self.init(machine: machine, root: root, storages: storages)
  }

  /// The pickles of a file of the format before zip in its first `length` bytes, the list of keys
  /// and where it ends; nil where the bytes end before.
  private static func pickles(
    _ bytes: JoinedBytes, _ length: Int
  ) throws -> (machine: PickleMachine, root: PickleValue, keys: Int, end: Int)? {
    do {
      return try bytes.withBytes(0, length) { part in
        var cursor = ByteCursor(part, at: magic.count)
        var machine = PickleMachine()
        _ = try machine.read(&cursor)
        if case .dictionary(let index) = try machine.read(&cursor) {
          for case (.text("little_endian"), .bool(false)) in machine.dictionaries[index] {
            throw bigEndian
          }
        }
        let root = try machine.read(&cursor)
        guard case .sequence(let keys) = try machine.read(&cursor) else {
          throw PickleMachine.FormatError(
            reason: "is damaged: no list of storages behind its pickle")
        }
        return (machine, root, keys, cursor.position)
      }
    } catch is ByteCursor.EndReached {
      return nil
    }
  }

  /// The tensors below `prefix` by name.
  func flattened(_ prefix: String) throws -> [(name: String, tensor: PickleTensor)] {
    var walk = PickleWalk(machine: machine)
    try walk.visit(root, "", depth: 0)
    let start = prefix.isEmpty || prefix.hasSuffix(".") ? prefix : prefix + "."
    let found = walk.tensors.filter { $0.name.hasPrefix(start) }
    guard !found.isEmpty || walk.tensors.isEmpty else {
      let groups = Set(walk.tensors.map { $0.name.prefix { $0 != "." } }).sorted().prefix(8)
      throw PickleMachine.FormatError(
        reason: "has no tensors under \(quoted(prefix)); it has: \(groups.joined(separator: ", "))")
    }
    guard !found.isEmpty else { throw PickleMachine.FormatError(reason: "holds no tensors") }
    var names: Set<String> = []
    return try found.map { entry in
      guard names.insert(entry.name).inserted else {
        throw PickleMachine.FormatError(reason: "has two tensors called \(quoted(entry.name))")
      }
      return (String(entry.name.dropFirst(start.count)), entry.tensor)
    }
  }
}

/// Finds the tensors of nested dictionaries and lists.
private struct PickleWalk {
  let machine: PickleMachine
  var tensors: [(name: String, tensor: PickleTensor)] = []
  private var steps = 0

  init(machine: PickleMachine) { self.machine = machine }

  mutating func visit(_ value: PickleValue, _ name: String, depth: Int) throws {
    steps += 1
    guard depth <= 32, steps <= 4_000_000, name.utf8.count <= 4096 else {
      throw PickleMachine.FormatError(reason: "is nested too deeply to be a model")
    }
    let path = name.isEmpty ? "" : name + "."
    switch value {
    case .tensor(let tensor): tensors.append((name, tensor))
    case .dictionary(let index):
      // A later entry replaces an earlier one with the same key.
      var places: [String: Int] = [:]
      var entries: [(String, PickleValue)] = []
      for (key, value) in machine.dictionaries[index] {
        let text: String
        switch key {
        case .text(let key): text = key
        case .integer(let key): text = String(key)
        default: continue
        }
        if let place = places.updateValue(entries.count, forKey: text) { entries[place].1 = .none }
        entries.append((text, value))
      }
      for (key, value) in entries { try visit(value, path + key, depth: depth + 1) }
    case .sequence(let index):
      for (number, value) in machine.sequences[index].enumerated() {
        try visit(value, path + String(number), depth: depth + 1)
      }
    default: break
    }
  }
}
