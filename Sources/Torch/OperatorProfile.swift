import CTorch

/// The cost of the operators of a computation: the number of calls of each, its time, and the
/// arithmetic of matrix products, convolutions and attention. Backward passes are included.
public struct OperatorProfile: Sendable {
  public struct Entry: Sendable {
    /// The operator in libtorch's words, such as "aten::addmm".
    public let name: String
    public let calls: Int
    /// Without the operators that it called.
    public let seconds: Double
    /// Floating-point operations; a multiplication with its addition is two.
    public let operations: Double
  }

  private final class Collection { var entries: [Entry] = [] }

  /// The costliest first.
  public let entries: [Entry]
  public var seconds: Double { entries.reduce(0) { $0 + $1.seconds } }
  public var operations: Double { entries.reduce(0) { $0 + $1.operations } }

  /// Runs `body` and watches the operators that this thread calls. Watching costs some microseconds
  /// per operator. Not to be nested.
  public static func measuring<Result>(
    _ body: () throws -> Result
  ) rethrows -> (result: Result, profile: OperatorProfile) {
    begin()
    do {
      let result = try body()
      return (result, end())
    } catch {
      _ = end()
      throw error
    }
  }

  /// Starts to watch this thread's operators; `end` has to follow.
  public static func begin() { demand(ct_profile_start()) }

  /// The profile since `begin`.
  public static func end() -> OperatorProfile {
    let collection = Collection()
    demand(
      ct_profile_stop(
        { context, name, calls, seconds, operations in
          Unmanaged<Collection>.fromOpaque(context!).takeUnretainedValue().entries.append(
            Entry(
              name: String(cString: name!), calls: Int(calls), seconds: seconds,
              operations: operations))
        }, Unmanaged.passUnretained(collection).toOpaque()))
    return OperatorProfile(entries: collection.entries.sorted { $0.seconds > $1.seconds })
  }

  /// The kinds of operators in tables.
  public enum Kind: String, CaseIterable, Sendable {
    case products = "matrix products"
    case convolutions
    case attention
    case normalisation
    case activations
    case optimiser
    case copies = "copies and casts"
    case other = "everything else"

    private static let words: [(Kind, [String])] = [
      (.attention, ["attention"]), (.convolutions, ["conv"]),
      (.optimiser, ["adam", "foreach"]), (.normalisation, ["norm", "rotated"]),
      (.activations, ["silu", "gelu", "relu"]), (.products, ["mm", "linear"]),
      (
        .copies, ["copy", "clone", "cat", "fill", "zero", "empty", "pad", "contiguous", "quantize"]
      ),
    ]

    init(_ name: String) {
      let name = name.lowercased()
      self = Kind.words.first { $0.1.contains { name.contains($0) } }?.0 ?? .other
    }
  }

  /// Seconds by kind, the costliest first.
  public var kinds: [(kind: Kind, seconds: Double)] {
    Dictionary(grouping: entries) { Kind($0.name) }
      .map { ($0, $1.reduce(0) { $0 + $1.seconds }) }.sorted { $0.1 > $1.1 }
  }
}
