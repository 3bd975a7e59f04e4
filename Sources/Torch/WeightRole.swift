/// The role of a weight in its layer. With the weight's shape it decides how a model keeps the
/// weight: its element type, whether it may be in 8 bits, and the layouts that a processor may
/// multiply it in. Training, where all weights are plain and in float32, does not depend on it.
public struct WeightRole: Hashable, Sendable {
  public enum Kind: Sendable {
    /// Numbers per channel, such as a bias or the scale of a norm.
    case vector
    /// A vector per index, of which a few are looked up.
    case table
    /// `[O, I]`, of matrix products.
    case matrix
    /// `[O, I, k, k]`, of convolutions.
    case kernel
  }

  /// The forms beside the plain one in which inference may multiply a matrix or a kernel.
  public enum Form: Sendable {
    case plain
    /// Layouts that are faster, in floating point.
    case packed
    /// Packed; the kernel is one of a residual dense block, which has a layout of its own in
    /// bfloat16 (`DenseWorkspace`).
    case dense
    /// Packed, or in 8 bits.
    case quantizable
  }

  public let kind: Kind
  public private(set) var form: Form
  /// Whether the weight is kept in float32 whatever the policy.
  public private(set) var isWide: Bool

  /// Wide: there are few of them.
  public static let vector = WeightRole(kind: .vector, form: .plain, isWide: true)
  /// Wide: its rows are added to activations, not multiplied.
  public static let table = WeightRole(kind: .table, form: .plain, isWide: true)
  /// A matrix that is multiplied plainly, in the policy's element type.
  public static let matrix = WeightRole(kind: .matrix, form: .plain, isWide: false)
  /// A kernel that is convolved plainly, in the policy's element type.
  public static let kernel = WeightRole(kind: .kernel, form: .plain, isWide: false)

  /// The same, kept in float32: for weights that decide bits or scale everything after them.
  public var wide: WeightRole {
    var role = self
    role.isWide = true
    return role
  }

  /// The same, of a weight that is multiplied so often that a faster layout pays.
  public var packed: WeightRole { with(.packed) }

  /// The same, of a kernel of a residual dense block.
  public var dense: WeightRole { with(.dense) }

  /// The same, of a weight that is packed, and whose errors in 8 bits do not show. The first and
  /// last layers of networks, which see pictures and make pictures and codes, are none of these.
  public var quantizable: WeightRole { with(.quantizable) }

  private func with(_ form: Form) -> WeightRole {
    var role = self
    role.form = form
    return role
  }
}
