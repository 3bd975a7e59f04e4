/// Reads the pickles that PyTorch writes (protocols 2 to 5). Nothing is executed: of all functions
/// that a pickle may name, the few that rebuild tensors and dictionaries are done here, some more
/// are skipped with their arguments, and any other is refused.
struct PickleMachine {
  struct FormatError: Error { let reason: String }

  private(set) var sequences: [[PickleValue]] = []
  private(set) var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
  /// Every storage that a pickle named, by key.
  private(set) var storages: [String: PickleStorage] = [:]
  /// Entries that dictionaries made of lists have in all: a few bytes may ask for copies of one
  /// long list again and again.
  var copiedEntries = 0

  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]

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
      stack.append(try named("\(module).\(name)"))
    case "\u{93}":
      guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
        throw FormatError(reason: "names a function by something else than text")
      }
      stack.append(try named("\(module).\(name)"))
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

  /// A new list or tuple.
  mutating func made(sequence: [PickleValue]) -> PickleValue {
    sequences.append(sequence)
    return .sequence(sequences.count - 1)
  }

  /// A new dictionary.
  mutating func made(dictionary: [(key: PickleValue, value: PickleValue)]) -> PickleValue {
    dictionaries.append(dictionary)
    return .dictionary(dictionaries.count - 1)
  }

  private mutating func push(sequence: [PickleValue]) {
    stack.append(made(sequence: sequence))
  }

  private mutating func push(dictionary: [(key: PickleValue, value: PickleValue)]) {
    stack.append(made(dictionary: dictionary))
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
}
