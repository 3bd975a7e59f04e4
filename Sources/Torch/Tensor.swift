import CTorch
import Foundation

/// An n-dimensional array on a device: one reference to a libtorch tensor, dropped with the last
/// Swift reference to this object.
///
/// Sendable, since libtorch counts references atomically and tensors may be read from several
/// threads at once; code that writes into one in place has to keep others from using it meanwhile.
public final class Tensor: Sendable {
  nonisolated(unsafe) let handle: ct_tensor

  init(owning handle: ct_tensor) { self.handle = handle }
  deinit { ct_tensor_release(handle) }

  /// The number of elements along each dimension.
  public var shape: [Int] {
    var sizes = [Int64](repeating: 0, count: Int(ct_tensor_dimensions(handle)))
    demand(ct_tensor_sizes(handle, &sizes))
    return sizes.map(Int.init)
  }

  public var rank: Int { Int(ct_tensor_dimensions(handle)) }
  public var count: Int { shape.reduce(1, *) }

  /// The size along `dimension`; negative dimensions count from the end.
  public func size(_ dimension: Int) -> Int {
    let shape = shape
    return shape[dimension < 0 ? dimension + shape.count : dimension]
  }

  /// Whether the elements lie in memory in row-major order, without gaps.
  public var isContiguous: Bool { ct_tensor_is_contiguous(handle) }

  public var dtype: DType {
    guard let dtype = DType(rawValue: ct_tensor_dtype(handle)) else {
      fatalError("element type \(ct_tensor_dtype(handle)) is not supported")
    }
    return dtype
  }

  public var device: Device {
    var name = [CChar](repeating: 0, count: 32)
    demand(ct_tensor_device(handle, &name, 32))
    return Device(
      unchecked: String(decoding: name.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self))
  }

  // MARK: Construction

  /// A tensor on the CPU with a copy of `values`.
  public convenience init<Scalar: TensorScalar>(_ values: [Scalar], shape: [Int]? = nil) {
    let shape = shape ?? [values.count]
    precondition(shape.reduce(1, *) == values.count, "\(values.count) values for shape \(shape)")
    self.init(
      owning: values.withUnsafeBytes {
        Tensor.copying($0.baseAddress, Scalar.dtype, shape)
      })
  }

  /// A tensor on the CPU with a copy of raw little-endian bytes.
  public convenience init(bytes: UnsafeRawBufferPointer, dtype: DType, shape: [Int]) {
    precondition(bytes.count == shape.reduce(1, *) * dtype.size, "bytes do not fit \(shape)")
    self.init(owning: Tensor.copying(bytes.baseAddress, dtype, shape))
  }

  /// A tensor over memory that `owner` keeps alive and nobody changes (mapped weights).
  public convenience init(
    wrapping bytes: UnsafeRawPointer, dtype: DType, shape: [Int], owner: AnyObject
  ) {
    var result: ct_tensor?
    demand(
      ct_tensor_wrapping(
        UnsafeMutableRawPointer(mutating: bytes), dtype.code, shape.map(Int64.init),
        Int32(shape.count), { Unmanaged<AnyObject>.fromOpaque($0!).release() },
        Unmanaged.passRetained(owner).toOpaque(), &result))
    self.init(owning: result!)
  }

  private static func copying(
    _ bytes: UnsafeRawPointer?, _ dtype: DType, _ shape: [Int]
  ) -> ct_tensor {
    ResourceRegion.recording {
      var result: ct_tensor?
      try check(
        ct_tensor_copying(bytes, dtype.code, shape.map(Int64.init), Int32(shape.count), &result))
      return result!
    }
  }

  public static func zeros(
    _ shape: [Int], _ dtype: DType = .float32, on device: Device = .cpu
  ) -> Tensor {
    aten(.zeros, shape, dtype, Int?.none, device)
  }

  public static func ones(
    _ shape: [Int], _ dtype: DType = .float32, on device: Device = .cpu
  ) -> Tensor {
    aten(.ones, shape, dtype, Int?.none, device)
  }

  public static func full(
    _ shape: [Int], _ value: Double, _ dtype: DType = .float32, on device: Device = .cpu
  ) -> Tensor {
    aten(.full, shape, value, dtype, Int?.none, device)
  }

  /// Memory for a tensor whose elements are written before they are read.
  public static func empty(
    _ shape: [Int], _ dtype: DType = .float32, on device: Device = .cpu
  ) -> Tensor {
    aten(.empty, shape, dtype, Int?.none, device)
  }

  /// 0, 1, ..., count - 1.
  public static func range(_ count: Int, _ dtype: DType = .int64, on device: Device = .cpu)
    -> Tensor
  {
    aten(.range, count, dtype, Int?.none, device)
  }

  public static func zeros(like other: Tensor) -> Tensor { aten(.zerosLike, other) }
  public static func ones(like other: Tensor) -> Tensor { aten(.onesLike, other) }
  public static func empty(like other: Tensor) -> Tensor { aten(.emptyLike, other) }

  // MARK: Elements

  /// The elements in row-major order.
  public func values<Scalar: TensorScalar>(_: Scalar.Type = Scalar.self) -> [Scalar] {
    let host = detached().to(Scalar.dtype).to(.cpu).contiguous()
    let count = count
    return withExtendedLifetime(host) {
      Array(unsafeUninitializedCapacity: count) { buffer, initialized in
        initialized = count
        guard count > 0 else { return }
        let bytes = UnsafeMutableRawBufferPointer(buffer)
        if let elements = ct_tensor_data(host.handle) {
          bytes.copyMemory(
            from: UnsafeRawBufferPointer(start: elements, count: count * Scalar.dtype.size))
        } else {
          // A shape alone: zeros, which no region of `throwingResourceErrors` returns.
          bytes.initializeMemory(as: UInt8.self, repeating: 0)
        }
      }
    }
  }

  public var floats: [Float] { values() }

  /// The value of a tensor with one element.
  public var item: Double {
    precondition(count == 1, "item of a tensor of shape \(shape)")
    return values(Double.self)[0]
  }

  /// The raw bytes of a contiguous CPU tensor, valid inside `body` only.
  public func withBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try withMutableBytes { try body(UnsafeRawBufferPointer($0)) }
  }

  /// As `withBytes`, for writing in place.
  public func withMutableBytes<Result>(
    _ body: (UnsafeMutableRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    precondition(
      device == .cpu && ct_tensor_is_contiguous(handle), "bytes of a CPU tensor in row-major order")
    let size = count * dtype.size
    return try withExtendedLifetime(self) {
      if let elements = ct_tensor_data(handle) {
        return try body(UnsafeMutableRawBufferPointer(start: elements, count: size))
      }
      // A shape alone, as in `values`, or no element at all.
      var zeros = [UInt8](repeating: 0, count: size)
      return try zeros.withUnsafeMutableBytes(body)
    }
  }

  // MARK: Autograd

  public var requiresGradient: Bool {
    get { ct_tensor_requires_grad(handle) }
    set { demand(ct_tensor_set_requires_grad(handle, newValue)) }
  }

  /// The gradient that `backward` accumulated into this leaf.
  public var gradient: Tensor? { ct_tensor_grad(handle).map(Tensor.init(owning:)) }

  public func clearGradient() { demand(ct_tensor_clear_grad(handle)) }

  /// Accumulates d(self)/d(leaf) into the gradient of every leaf; self has one element.
  /// - Throws: `TorchError`, for example when memory runs out; `ProcessGroupError` where a prepared
  ///   `GradientReducer` misses another rank; what the closure of a `customNode` throws.
  public func backward() throws { try checkPass(ct_backward(handle)) }

  /// This tensor outside of the graph, sharing its memory.
  public func detached() -> Tensor { aten(.detach, self) }
}

/// d(outputs)/d(inputs), weighted by `weights` (vector-Jacobian product); `nil` for unused inputs.
public func gradients(
  of outputs: [Tensor], weights: [Tensor]? = nil, with inputs: [Tensor], retainGraph: Bool = false
) throws -> [Tensor?] {
  var results = [ct_tensor?](repeating: nil, count: inputs.count)
  try withExtendedLifetime((outputs, weights, inputs)) {
    let weighting = weights?.map { Optional($0.handle) }
    try checkPass(
      ct_gradients(
        outputs.map { Optional($0.handle) }, weighting, Int32(outputs.count),
        inputs.map { Optional($0.handle) }, Int32(inputs.count), retainGraph, &results))
  }
  return results.map { $0.map(Tensor.init(owning:)) }
}

/// Swift types that tensors hold.
public protocol TensorScalar { static var dtype: DType { get } }
extension Float: TensorScalar { public static var dtype: DType { .float32 } }
extension Double: TensorScalar { public static var dtype: DType { .float64 } }
extension Int64: TensorScalar { public static var dtype: DType { .int64 } }
extension Int32: TensorScalar { public static var dtype: DType { .int32 } }
extension UInt8: TensorScalar { public static var dtype: DType { .uint8 } }
extension Bool: TensorScalar { public static var dtype: DType { .bool } }
