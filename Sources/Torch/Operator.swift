import CTorch
import Foundation

/// Something that an ATen operator takes as an argument.
protocol OperatorArgument {
  func append(to arguments: inout OperatorArguments)
}

/// The arguments of one call, with what keeps their memory alive until it returns.
struct OperatorArguments {
  private enum List { case none, text(Int), integers(Int), reals(Int), tensors(Int) }
  private var values: [ct_value] = []
  private var lists: [List] = []
  private var texts: [[CChar]] = []
  private var integers: [Int64] = []
  private var reals: [Double] = []
  private var handles: [ct_tensor?] = []
  private var owners: [AnyObject] = []

  init(_ arguments: [any OperatorArgument]) {
    values.reserveCapacity(arguments.count)
    for argument in arguments { argument.append(to: &self) }
  }

  private mutating func append(
    _ kind: ct_kind, integer: Int64 = 0, real: Double = 0, pointer: UnsafeRawPointer? = nil,
    count: Int = 0, list: List = .none
  ) {
    values.append(
      ct_value(
        kind: Int32(kind.rawValue), integer: integer, real: real, pointer: pointer,
        count: Int64(count)))
    lists.append(list)
  }

  mutating func appendNone() { append(CT_NONE) }
  mutating func append(_ value: Int) { append(CT_INT, integer: Int64(value)) }
  mutating func append(_ value: Double) { append(CT_DOUBLE, real: value) }
  mutating func append(_ value: Bool) { append(CT_BOOL, integer: value ? 1 : 0) }

  mutating func append(_ value: Tensor) {
    owners.append(value)
    append(CT_TENSOR, pointer: UnsafeRawPointer(value.handle))
  }

  mutating func append(_ value: RandomGenerator) {
    owners.append(value)
    append(CT_GENERATOR, pointer: UnsafeRawPointer(value.handle))
  }

  mutating func append(_ value: String) {
    texts.append(value.utf8CString.map { $0 })
    append(CT_STRING, list: .text(texts.count - 1))
  }

  mutating func append(_ value: [Int]) {
    append(CT_INTS, count: value.count, list: .integers(integers.count))
    integers.append(contentsOf: value.lazy.map(Int64.init))
  }

  mutating func append(_ value: [Double]) {
    append(CT_DOUBLES, count: value.count, list: .reals(reals.count))
    reals.append(contentsOf: value)
  }

  mutating func append(_ value: [Tensor?]) {
    append(CT_TENSORS, count: value.count, list: .tensors(handles.count))
    for case let tensor? in value { owners.append(tensor) }
    handles.append(contentsOf: value.map { $0?.handle })
  }

  /// Runs `body` with the arguments in C's form.
  func withValues(
    _ body: (UnsafePointer<ct_value>?, Int32) -> ct_message?
  ) -> ct_message? {
    var values = values
    return integers.withUnsafeBufferPointer { integers in
      reals.withUnsafeBufferPointer { reals in
        handles.withUnsafeBufferPointer { handles in
          withExtendedLifetime((owners, texts)) {
            var copies: [UnsafeMutablePointer<CChar>] = []
            defer { copies.forEach { free($0) } }
            for index in values.indices {
              switch lists[index] {
              case .none: continue
              case .text(let at):
                copies.append(strdup(texts[at]))
                values[index].pointer = UnsafeRawPointer(copies[copies.count - 1])
              case .integers(let at):
                values[index].pointer = integers.baseAddress.map { UnsafeRawPointer($0 + at) }
              case .reals(let at):
                values[index].pointer = reals.baseAddress.map { UnsafeRawPointer($0 + at) }
              case .tensors(let at):
                values[index].pointer = handles.baseAddress.map { UnsafeRawPointer($0 + at) }
              }
            }
            return values.withUnsafeBufferPointer { body($0.baseAddress, Int32($0.count)) }
          }
        }
      }
    }
  }
}

extension Tensor: OperatorArgument {
  func append(to arguments: inout OperatorArguments) { arguments.append(self) }
}
extension RandomGenerator: OperatorArgument {
  func append(to arguments: inout OperatorArguments) { arguments.append(self) }
}
extension Int: OperatorArgument {
  func append(to arguments: inout OperatorArguments) { arguments.append(self) }
}
extension Double: OperatorArgument {
  func append(to arguments: inout OperatorArguments) { arguments.append(self) }
}
extension Bool: OperatorArgument {
  func append(to arguments: inout OperatorArguments) { arguments.append(self) }
}
extension String: OperatorArgument {
  func append(to arguments: inout OperatorArguments) { arguments.append(self) }
}
extension DType: OperatorArgument {
  func append(to arguments: inout OperatorArguments) { arguments.append(Int(code)) }
}
extension Device: OperatorArgument {
  func append(to arguments: inout OperatorArguments) { arguments.append(description) }
}
extension Optional: OperatorArgument where Wrapped: OperatorArgument {
  func append(to arguments: inout OperatorArguments) {
    if let self { self.append(to: &arguments) } else { arguments.appendNone() }
  }
}
extension Array: OperatorArgument where Element: OperatorArgument {
  func append(to arguments: inout OperatorArguments) {
    // By element type, not by content: an empty list casts to a list of anything.
    if Element.self == Int.self {
      arguments.append(self as! [Int])
    } else if Element.self == Double.self {
      arguments.append(self as! [Double])
    } else if Element.self == Bool.self {
      arguments.append((self as! [Bool]).map { $0 ? 1 : 0 })
    } else if Element.self == Tensor.self {
      arguments.append(self as! [Tensor])
    } else if Element.self == Tensor?.self {
      arguments.append(self as! [Tensor?])
    } else {
      preconditionFailure("no operator takes a list of \(Element.self)")
    }
  }
}

/// An operator of libtorch's dispatcher. Arguments are checked when it is called, so that operators
/// stay inside of this target; what others call are methods.
struct Operator: Sendable {
  /// The name in libtorch's schemas: "conv2d" for "aten::conv2d", "add.Tensor" with an overload,
  /// "nsarm::attention".
  let name: String
  /// Operators live as long as the process.
  nonisolated(unsafe) private let handle: Result<ct_operator, any Error>

  init(_ name: String) {
    self.name = name
    let parts = name.split(separator: ".", maxSplits: 1)
    let qualified = parts[0].contains("::") ? String(parts[0]) : "aten::" + parts[0]
    handle = Result {
      var result: ct_operator?
      try check(ct_find_operator(qualified, parts.count > 1 ? String(parts[1]) : "", &result))
      return result!
    }
  }

  /// Whether this build of libtorch has the operator.
  var exists: Bool { (try? handle.get()) != nil }

  /// Calls the operator and returns its tensors, at most `capacity`; missing trailing arguments
  /// take the schema's defaults.
  /// - Throws: `TorchError` with libtorch's message.
  func call(_ arguments: [any OperatorArgument], capacity: Int = 16) throws -> [Tensor] {
    // All of them are taken over before the first complaint, so that none is lost.
    let tensors = try values(arguments, capacity: capacity).map { value in
      value.kind == Int32(CT_TENSOR.rawValue)
        ? Tensor(owning: UnsafeMutableRawPointer(mutating: value.pointer!)) : nil
    }
    guard tensors.allSatisfy({ $0 != nil }) else {
      throw TorchError("\(name) returned something else than a tensor")
    }
    return tensors.compactMap(\.self)
  }

  private func values(_ arguments: [any OperatorArgument], capacity: Int) throws -> [ct_value] {
    let handle = try handle.get()
    var results = [ct_value](repeating: ct_value(), count: capacity)
    var count = Int32(capacity)
    let message = OperatorArguments(arguments).withValues { values, length in
      ct_call(handle, values, length, &results, &count)
    }
    if let message { throw TorchError(message, from: name) }
    return Array(results.prefix(Int(count)))
  }
}

/// Calls an operator with one tensor as its result. A wrong shape or type is a programming error:
/// it stops the program with libtorch's message. A resource that is lacking is an error of the
/// region around (`throwingResourceErrors`).
@discardableResult
func aten(_ op: Operator, _ arguments: any OperatorArgument...) -> Tensor {
  atenList(op, arguments)[0]
}

/// Calls an operator with several tensors, or none, as its result.
@discardableResult
func atenList(
  _ op: Operator, _ arguments: [any OperatorArgument], capacity: Int = 16
) -> [Tensor] {
  ResourceRegion.recording { try op.call(arguments, capacity: capacity) }
}
