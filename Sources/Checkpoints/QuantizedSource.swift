import Torch

/// A weight as a file stores it.
public enum StoredWeight {
  /// In its own element type.
  case full(Tensor)
  /// In eight bits with a scale per output.
  case int8(Int8Weight)
  /// In four bits with a scale per group of inputs.
  case int4(Int4Weight)

  /// Whether all values are finite.
  public var isFinite: Bool {
    switch self {
    case .full(let tensor): tensor.isFinite().allTrue
    case .int8(let weight): weight.scale.isFinite().allTrue
    case .int4(let weight): weight.scale.isFinite().allTrue
    }
  }

  /// The weight itself; quantised ones, and floats of eight bits, which nothing computes with,
  /// widened to `dtype`.
  public func tensor(dequantizedTo dtype: DType) -> Tensor {
    switch self {
    case .full(let tensor): tensor.dtype == .float8E4M3 ? tensor.to(dtype) : tensor
    case .int8(let weight): weight.dequantized(dtype)
    case .int4(let weight): weight.dequantized(dtype)
    }
  }
}

/// Files whose quantised weights appear under their names in a floating-point type, so that what
/// loads a model need not know how it is stored. Files without such weights pass through unchanged.
public struct QuantizedSource: TensorFile {
  public let names: [String]
  public var title: String { file.title }
  public var metadata: [String: String] { file.metadata }
  /// The names of the weights that are stored in eight or four bits.
  public var quantizedNames: Set<String> { Set(forms.keys) }

  private enum Form { case int8, int4 }

  private let file: any TensorFile
  private let forms: [String: Form]
  private let dtype: DType

  /// - Parameter dtype: the type that quantised weights are widened to.
  public init(_ file: any TensorFile, dequantizedTo dtype: DType = .float32) {
    var forms: [String: Form] = [:]
    for name in file.names { forms[name] = Self.form(name, file) }
    let scales = Set(forms.keys.map(scaleName))
    names = file.names.filter { !scales.contains($0) }
    self.forms = forms
    self.file = file
    self.dtype = dtype
  }

  /// The form in which weight `name` is stored, by its type and that of its scale.
  private static func form(_ name: String, _ file: any TensorFile) -> Form? {
    guard let shape = file.shape(name), let scale = file.shape(scaleName(name)) else { return nil }
    switch (file.dtype(name), file.dtype(scaleName(name))) {
    case (.int8, .float32): return shape.count >= 2 && scale == [shape[0]] ? .int8 : nil
    case (.uint8, .float16):
      guard shape.count == 2, scale.count == 2, scale[0] == shape[0], scale[1] > 0,
        shape[1] > 0, shape[1] % scale[1] == 0
      else { return nil }
      return .int4
    default: return nil
    }
  }

  /// The element type of `name`, widened.
  public func dtype(_ name: String) -> DType? {
    guard forms[name] == nil, file.dtype(name) != .float8E4M3 else { return dtype }
    return file.dtype(name)
  }

  /// The shape of `name`, widened.
  public func shape(_ name: String) -> [Int]? {
    guard forms[name] == .int4, let stored = file.shape(name) else { return file.shape(name) }
    return [stored[0], 2 * stored[1]]
  }

  public func release(_ name: String) {
    file.release(name)
    if forms[name] != nil { file.release(scaleName(name)) }
  }

  public func place(_ name: String) -> TensorPlace? { file.place(name) }
  public func checkWhole() throws { try file.checkWhole() }

  /// - Throws: `CheckpointError` when there is no such tensor.
  public func tensor(_ name: String) throws -> Tensor {
    try storedWeight(name).tensor(dequantizedTo: dtype)
  }

  /// Weight `name` in the form in which it is stored.
  /// - Throws: `CheckpointError` when there is no such tensor.
  public func storedWeight(_ name: String) throws -> StoredWeight {
    let values = try file.tensor(name)
    switch forms[name] {
    case .int8: return .int8(Int8Weight(values: values, scale: try file.tensor(scaleName(name))))
    case .int4: return .int4(Int4Weight(values: values, scale: try file.tensor(scaleName(name))))
    case nil: return .full(values)
    }
  }
}
