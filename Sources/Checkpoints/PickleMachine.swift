/// A value of a Python pickle. Containers are indices into the machine that read it, so that deep or
/// circular structures cost nothing to release.
enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  case text(String)
  /// A list or tuple, by its index in `PickleMachine.sequences`.
  case sequence(Int)
  /// By its index in `PickleMachine.dictionaries`.
  case dictionary(Int)
  /// A function or class by name; only names on a list of known ones get this far.
  case global(String)
  case storage(PickleStorage)
  case tensor(PickleTensor)
  /// Something that no tensor depends on: real numbers, bytes, sets, settings. Its content is dropped.
  case inert

  var isInert: Bool { if case .inert = self { true } else { false } }
}

/// Memory that tensors share: elements of one type under a key of the checkpoint.
struct PickleStorage {
  let type: String
  let key: String
  /// Elements, or bytes for an untyped storage.
  let count: Int
}

/// A view of a storage; `type` overrides that of the storage where it has none.
struct PickleTensor {
  let storage: PickleStorage
  let type: String
  let offset: Int
  let shape, strides: [Int]
}

/// Reads the pickles that PyTorch writes (protocols 2 to 5). Nothing is executed: of all functions that a
/// pickle may name, the few that rebuild tensors and dictionaries are done here, some more are skipped with
/// their arguments, and any other is refused.
struct PickleMachine {
  struct FormatError: Error { let reason: String }

  private(set) var sequences: [[PickleValue]] = []
  private(set) var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
  /// Every storage that a pickle named, by key.
  private(set) var storages: [String: PickleStorage] = [:]

  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]

  /// Names whose objects are kept as `inert`.
  private static let inertNames: Set<String> = [
    "__builtin__.set", "builtins.set", "builtins.frozenset", "__builtin__.frozenset",
    "builtins.complex",
    "builtins.bytearray", "builtins.slice", "argparse.Namespace", "_codecs.encode",
    "copyreg._reconstructor",
    "builtins.object", "__builtin__.object", "numpy.dtype", "numpy.ndarray",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar", "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct", "pathlib.PosixPath", "pathlib.Path", "torch.device",
    "collections.defaultdict", "collections.Counter", "datetime.datetime",
    "torch.serialization._get_layout",
  ]

  private static let rebuildNames: Set<String> = [
    "collections.OrderedDict", "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3", "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state", "torch.Size", "builtins.dict",
    "builtins.list", "builtins.tuple",
  ]

  /// Reads one pickle at `cursor`, which ends behind it.
  /// - Throws: `FormatError`, `ByteCursor.EndReached`.
  mutating func read(_ cursor: inout ByteCursor) throws -> PickleValue {
    stack = []
    marks = []
    memo = [:]
    while true {
      let code = try cursor.read(UInt8.self)
      if code == UInt8(ascii: ".") {
        defer { (stack, marks, memo) = ([], [], [:]) }
        return try pop()
      }
      try execute(code, &cursor)
    }
  }

  // MARK: Opcodes

  private mutating func execute(_ code: UInt8, _ cursor: inout ByteCursor) throws {
    switch Character(Unicode.Scalar(code)) {
    case "\u{80}": try cursor.skip(1)  // protocol
    case "\u{95}": try cursor.skip(8)  // frame
    case "(": marks.append(stack.count)
    case "0": _ = try pop()
    case "1": _ = try popMarked()
    case "2": stack.append(try top())
    case "N": stack.append(.none)
    case "\u{88}": stack.append(.bool(true))
    case "\u{89}": stack.append(.bool(false))
    case "J": stack.append(.integer(Int(Int32(bitPattern: try cursor.read(UInt32.self)))))
    case "K": stack.append(.integer(Int(try cursor.read(UInt8.self))))
    case "M": stack.append(.integer(Int(try cursor.read(UInt16.self))))
    case "\u{8a}": try long(Int(try cursor.read(UInt8.self)), &cursor)
    case "\u{8b}": try long(Int(try cursor.read(UInt32.self)), &cursor)
    case "G": try inert(8, &cursor)
    case "X", "T": try text(Int(try cursor.read(UInt32.self)), &cursor)
    case "\u{8c}", "U": try text(Int(try cursor.read(UInt8.self)), &cursor)
    case "\u{8d}": try text(try length(&cursor), &cursor)
    case "B": try inert(Int(try cursor.read(UInt32.self)), &cursor)
    case "C": try inert(Int(try cursor.read(UInt8.self)), &cursor)
    case "\u{8e}", "\u{96}": try inert(try length(&cursor), &cursor)
    case "]", ")": push(sequence: [])
    case "l", "t": push(sequence: try popMarked())
    case "\u{85}": push(sequence: try pop(1))
    case "\u{86}": push(sequence: try pop(2))
    case "\u{87}": push(sequence: try pop(3))
    case "a": try extend(with: try pop(1))
    case "e": try extend(with: try popMarked())
    case "}": push(dictionary: [])
    case "d": push(dictionary: try pairs(try popMarked()))
    case "s": try update(with: try pop(2))
    case "u": try update(with: try popMarked())
    case "\u{8f}": stack.append(.inert)
    case "\u{90}": _ = try popMarked()
    case "\u{91}":
      _ = try popMarked()
      stack.append(.inert)
    case "q": memo[Int(try cursor.read(UInt8.self))] = try top()
    case "r": memo[Int(try cursor.read(UInt32.self))] = try top()
    case "\u{94}": memo[memo.count] = try top()
    case "h": try recall(Int(try cursor.read(UInt8.self)))
    case "j": try recall(Int(try cursor.read(UInt32.self)))
    case "c":
      let module = String(decoding: try cursor.line(), as: UTF8.self)
      let name = String(decoding: try cursor.line(), as: UTF8.self)
      try push(global: "\(module).\(name)")
    case "\u{93}":
      guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
        throw FormatError(reason: "names a function by something else than text")
      }
      try push(global: "\(module).\(name)")
    case "R", "\u{81}":
      let arguments = try pop()
      stack.append(try call(try pop(), arguments))
    case "b": _ = try pop()  // attributes of the object below, such as a dictionary's _metadata
    case "Q":
      let storage = try storage(try pop())
      storages[storage.key] = storage
      stack.append(.storage(storage))
    default:
      throw FormatError(
        reason:
          "holds pickle code 0x\(String(code, radix: 16)) at byte \(cursor.position - 1), which"
          + " PyTorch's checkpoints do not use")
    }
  }

  private mutating func top() throws -> PickleValue {
    guard let value = stack.last, stack.count > marks.last ?? 0 else {
      throw FormatError(reason: "is damaged: a value is missing in its pickle")
    }
    return value
  }

  private mutating func pop() throws -> PickleValue {
    _ = try top()
    return stack.removeLast()
  }

  private mutating func pop(_ count: Int) throws -> [PickleValue] {
    try (0..<count).map { _ in try pop() }.reversed()
  }

  private mutating func popMarked() throws -> [PickleValue] {
    guard let mark = marks.popLast() else {
      throw FormatError(reason: "is damaged: a mark is missing in its pickle")
    }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  private mutating func push(sequence: [PickleValue]) {
    sequences.append(sequence)
    stack.append(.sequence(sequences.count - 1))
  }

  private mutating func push(dictionary: [(key: PickleValue, value: PickleValue)]) {
    dictionaries.append(dictionary)
    stack.append(.dictionary(dictionaries.count - 1))
  }

  private mutating func recall(_ index: Int) throws {
    guard let value = memo[index] else {
      throw FormatError(reason: "is damaged: its pickle recalls a value that it never stored")
    }
    stack.append(value)
  }

  private func length(_ cursor: inout ByteCursor) throws -> Int {
    guard let length = Int(exactly: try cursor.read(UInt64.self)) else {
      throw ByteCursor.EndReached()
    }
    return length
  }

  private mutating func inert(_ count: Int, _ cursor: inout ByteCursor) throws {
    try cursor.skip(count)
    stack.append(.inert)
  }

  private mutating func text(_ count: Int, _ cursor: inout ByteCursor) throws {
    stack.append(.text(String(decoding: try cursor.take(count), as: UTF8.self)))
  }

  /// A two's complement integer; those beyond 64 bits are inert.
  private mutating func long(_ count: Int, _ cursor: inout ByteCursor) throws {
    let bytes = try cursor.take(count)
    guard count <= 8 else { return stack.append(.inert) }
    var bits: UInt64 = bytes.last.map { $0 & 0x80 != 0 ? .max : 0 } ?? 0
    for byte in bytes.reversed() { bits = bits << 8 | UInt64(byte) }
    stack.append(.integer(Int(Int64(bitPattern: bits))))
  }

  private mutating func extend(with values: [PickleValue]) throws {
    switch try top() {
    case .sequence(let index): sequences[index] += values
    case .inert: break
    default:
      throw FormatError(reason: "is damaged: its pickle appends to something else than a list")
    }
  }

  private func pairs(_ values: [PickleValue]) throws -> [(key: PickleValue, value: PickleValue)] {
    guard values.count.isMultiple(of: 2) else {
      throw FormatError(reason: "is damaged: a dictionary's key has no value")
    }
    return stride(from: 0, to: values.count, by: 2).map { (values[$0], values[$0 + 1]) }
  }

  private mutating func update(with values: [PickleValue]) throws {
    let pairs = try pairs(values)
    switch try top() {
    case .dictionary(let index): dictionaries[index] += pairs
    case .inert: break
    default:
      throw FormatError(reason: "is damaged: its pickle adds keys to something else than a dict")
    }
  }

  // MARK: Functions and storages

  private mutating func push(global name: String) throws {
    if PickleMachine.inertNames.contains(name) {
      stack.append(.inert)
    } else if PickleMachine.rebuildNames.contains(name) || isTypeName(name) {
      stack.append(.global(name))
    } else {
      throw FormatError(
        reason:
          "asks for \(quoted(name)), which is refused; expected tensors in dictionaries only, as"
          + " torch.save(model.state_dict(), file) writes them")
    }
  }

  private func isTypeName(_ name: String) -> Bool {
    elementType(storage: name) != nil || elementType(name) != nil || isUntyped(name)
  }

  private mutating func call(_ function: PickleValue, _ arguments: PickleValue) throws
    -> PickleValue
  {
    if function.isInert { return .inert }
    guard case .global(let name) = function, case .sequence(let index) = arguments else {
      throw FormatError(reason: "is damaged: its pickle calls something else than a function")
    }
    let values = sequences[index]
    switch name {
    case "collections.OrderedDict", "builtins.dict": return try dictionary(values)
    case "torch.Size", "builtins.tuple", "builtins.list":
      if let first = values.first { return first }
      sequences.append([])
      return .sequence(sequences.count - 1)
    case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
      if let first = values.first, case .tensor = first { return first }
    case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2":
      if let tensor = tensor(values, type: nil) { return .tensor(tensor) }
    case "torch._utils._rebuild_tensor_v3":
      if values.count >= 7, case .global(let type) = values[6],
        let tensor = tensor(values, type: type)
      {
        return .tensor(tensor)
      }
    default: break
    }
    throw FormatError(reason: "calls \(quoted(name)) with arguments that PyTorch does not use")
  }

  private mutating func dictionary(_ arguments: [PickleValue]) throws -> PickleValue {
    var entries: [(key: PickleValue, value: PickleValue)] = []
    if case .sequence(let index)? = arguments.first {
      for case .sequence(let pair) in sequences[index] where sequences[pair].count == 2 {
        entries.append((sequences[pair][0], sequences[pair][1]))
      }
    }
    dictionaries.append(entries)
    return .dictionary(dictionaries.count - 1)
  }

  private func tensor(_ values: [PickleValue], type: String?) -> PickleTensor? {
    guard values.count >= 4, case .storage(let storage) = values[0],
      case .integer(let offset) = values[1],
      let shape = sizes(values[2]), let strides = sizes(values[3]), shape.count == strides.count
    else { return nil }
    return PickleTensor(
      storage: storage, type: type ?? storage.type, offset: offset, shape: shape, strides: strides)
  }

  private func sizes(_ value: PickleValue) -> [Int]? {
    guard case .sequence(let index) = value, sequences[index].count <= 64 else { return nil }
    var sizes: [Int] = []
    for case .integer(let size) in sequences[index] where size >= 0 { sizes.append(size) }
    return sizes.count == sequences[index].count ? sizes : nil
  }

  /// ("storage", type, key, device, count), and in old files a view, which must be none.
  private func storage(_ identifier: PickleValue) throws -> PickleStorage {
    guard case .sequence(let index) = identifier else {
      throw FormatError(reason: "is damaged: a storage has no description")
    }
    let values = sequences[index]
    guard values.count >= 5, case .text("storage") = values[0], case .global(let type) = values[1],
      case .text(let key) = values[2], case .integer(let count) = values[4], count >= 0
    else { throw FormatError(reason: "is damaged: a storage is described in an unknown way") }
    if values.count > 5, case .sequence = values[5] {
      throw FormatError(
        reason: "holds views of storages, as PyTorch before 0.4 wrote them; save it again")
    }
    return PickleStorage(type: type, key: key, count: count)
  }
}
