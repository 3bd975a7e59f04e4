/// Elementwise arithmetic, shapes and reductions. Each method is the ATen operator of that name.
extension Tensor {
  // MARK: Arithmetic (with broadcasting)

  public static func + (a: Tensor, b: Tensor) -> Tensor { aten(.addTensor, a, b) }
  public static func - (a: Tensor, b: Tensor) -> Tensor { aten(.subTensor, a, b) }
  public static func * (a: Tensor, b: Tensor) -> Tensor { aten(.mulTensor, a, b) }
  public static func / (a: Tensor, b: Tensor) -> Tensor { aten(.divTensor, a, b) }
  public static func + (a: Tensor, b: Double) -> Tensor { aten(.addScalar, a, b) }
  public static func - (a: Tensor, b: Double) -> Tensor { aten(.subScalar, a, b) }
  public static func * (a: Tensor, b: Double) -> Tensor { aten(.mulScalar, a, b) }
  public static func / (a: Tensor, b: Double) -> Tensor { aten(.divScalar, a, b) }
  public static func + (a: Double, b: Tensor) -> Tensor { b + a }
  public static func * (a: Double, b: Tensor) -> Tensor { b * a }
  public static func / (a: Double, b: Tensor) -> Tensor { aten(.reciprocal, b) * a }
  public static func - (a: Double, b: Tensor) -> Tensor { aten(.rsubScalar, b, a) }
  public static prefix func - (a: Tensor) -> Tensor { aten(.neg, a) }

  /// self + other, in place and outside of the graph.
  public func addInPlace(_ other: Tensor) {
    withoutGradients { _ = aten(.addInPlaceTensor, self, other) }
  }

  /// Writes `source`, broadcast and converted, into this tensor's memory.
  public func copyInPlace(_ source: Tensor) {
    withoutGradients { _ = aten(.copyInPlace, self, source) }
  }

  public static func .> (a: Tensor, b: Double) -> Tensor { aten(.gtScalar, a, b) }
  public static func .< (a: Tensor, b: Double) -> Tensor { aten(.ltScalar, a, b) }
  public static func .<= (a: Tensor, b: Double) -> Tensor { aten(.leScalar, a, b) }
  public static func .== (a: Tensor, b: Tensor) -> Tensor { aten(.eqTensor, a, b) }
  public static func .> (a: Tensor, b: Tensor) -> Tensor { aten(.gtTensor, a, b) }
  public static func .< (a: Tensor, b: Tensor) -> Tensor { aten(.ltTensor, a, b) }
  public static func .<= (a: Tensor, b: Tensor) -> Tensor { aten(.leTensor, a, b) }

  public func abs() -> Tensor { aten(.abs, self) }
  public func square() -> Tensor { aten(.square, self) }
  public func sqrt() -> Tensor { aten(.sqrt, self) }
  public func exp() -> Tensor { aten(.exp, self) }
  public func log() -> Tensor { aten(.log, self) }
  public func sin() -> Tensor { aten(.sin, self) }
  public func cos() -> Tensor { aten(.cos, self) }
  public func sign() -> Tensor { aten(.sign, self) }
  /// To the nearest integer, half to even.
  public func rounded() -> Tensor { aten(.round, self) }
  /// ⌊x⌋.
  public func floor() -> Tensor { aten(.floor, self) }
  /// True where an element is neither infinite nor NaN.
  public func isFinite() -> Tensor { aten(.isFinite, self) }
  public func sigmoid() -> Tensor { aten(.sigmoid, self) }
  public func relu() -> Tensor { aten(.relu, self) }
  public func silu() -> Tensor { aten(.silu, self) }
  public func softplus() -> Tensor { aten(.softplus, self) }
  public func leakyRelu(_ slope: Double) -> Tensor { aten(.leakyRelu, self, slope) }

  /// x Φ(x), exactly or by its tanh approximation.
  public func gelu(approximate: Bool = false) -> Tensor {
    approximate ? geluTanh() : aten(.gelu, self, "none")
  }

  public func clamped(min: Double? = nil, max: Double? = nil) -> Tensor {
    aten(.clamp, self, min, max)
  }

  public func softmax(_ dimension: Int) -> Tensor { aten(.softmax, self, dimension) }

  /// self where `condition`, otherwise `other`.
  public func selected(where condition: Tensor, else other: Tensor) -> Tensor {
    aten(.whereCondition, condition, self, other)
  }

  // MARK: Reductions

  /// Whether all elements of a boolean tensor are true.
  public var allTrue: Bool { aten(.all, self).item != 0 }

  public func sum() -> Tensor { aten(.sum, self) }
  public func mean() -> Tensor { aten(.mean, self) }
  public func max() -> Tensor { aten(.max, self) }
  public func min() -> Tensor { aten(.min, self) }

  public func sum(_ dimensions: [Int], keep: Bool = false) -> Tensor {
    aten(.sumOver, self, dimensions, keep)
  }

  public func mean(_ dimensions: [Int], keep: Bool = false) -> Tensor {
    aten(.meanOver, self, dimensions, keep)
  }

  public func variance(_ dimensions: [Int], unbiased: Bool, keep: Bool = false) -> Tensor {
    aten(.varianceOver, self, dimensions, unbiased, keep)
  }

  public func max(_ dimensions: [Int], keep: Bool = false) -> Tensor {
    aten(.amax, self, dimensions, keep)
  }

  /// The mean of the elements that are not NaN.
  public func meanIgnoringNaN(_ dimensions: [Int]) -> Tensor { aten(.nanmean, self, dimensions) }

  public func argmax(_ dimension: Int) -> Tensor { aten(.argmax, self, dimension) }

  /// The L2 norm over all elements.
  public func norm() -> Tensor { aten(.vectorNorm, self, 2.0) }

  /// x / max(‖x‖₂, ε) along `dimension`.
  public func l2Normalized(_ dimension: Int, epsilon: Double = 1e-12) -> Tensor {
    self / aten(.vectorNorm, self, 2.0, [dimension], true).clamped(min: epsilon)
  }

  public func cumulativeSum(_ dimension: Int) -> Tensor { aten(.cumsum, self, dimension) }

  // MARK: Order

  /// The `count` largest elements along `dimension`, the largest first.
  public func largest(_ count: Int, _ dimension: Int) -> Tensor {
    atenList(.topk, [self, count, dimension, true, true])[0]
  }

  /// Ascending along `dimension`, and where each element was.
  public func sorted(_ dimension: Int) -> (values: Tensor, indices: Tensor) {
    let parts = atenList(.sorted, [self, dimension, false])
    return (parts[0], parts[1])
  }

  /// The elements at the places `indices` along `dimension`, of every row its own.
  public func gathered(_ dimension: Int, _ indices: Tensor) -> Tensor {
    aten(.gather, self, dimension, indices)
  }

  /// A copy with element i of `source` at place `indices`[i] along `dimension`.
  public func scattered(_ dimension: Int, _ indices: Tensor, _ source: Tensor) -> Tensor {
    aten(.scatter, self, dimension, indices, source)
  }

  // MARK: Shape

  /// The same elements in another shape; one size may be -1.
  public func reshaped(_ shape: [Int]) -> Tensor { aten(.reshape, self, shape) }
  public func reshaped(_ shape: Int...) -> Tensor { reshaped(shape) }
  public func permuted(_ order: Int...) -> Tensor { aten(.permute, self, order) }
  public func transposed(_ a: Int, _ b: Int) -> Tensor { aten(.transpose, self, a, b) }
  public func flattened(from first: Int = 0, to last: Int = -1) -> Tensor {
    aten(.flatten, self, first, last)
  }
  public func unsqueezed(_ dimension: Int) -> Tensor { aten(.unsqueeze, self, dimension) }
  public func squeezed(_ dimension: Int) -> Tensor { aten(.squeeze, self, dimension) }
  public func expanded(_ shape: [Int]) -> Tensor { aten(.expand, self, shape) }
  public func repeated(_ times: [Int]) -> Tensor { aten(.repeated, self, times) }
  public func flipped(_ dimensions: [Int]) -> Tensor { aten(.flip, self, dimensions) }
  public func contiguous() -> Tensor { aten(.contiguous, self) }
  public func cloned() -> Tensor { aten(.clone, self) }

  /// The same tensor with NHWC strides, which convolutions on CPUs prefer.
  public func channelsLast() -> Tensor { aten(.contiguous, self, 2) }

  /// Elements start ..< start + length along `dimension`, sharing memory.
  public func narrowed(_ dimension: Int, from start: Int, count length: Int) -> Tensor {
    aten(.narrow, self, dimension, start, length)
  }

  /// Index `index` along `dimension`, which is dropped.
  public func selected(_ dimension: Int, _ index: Int) -> Tensor {
    aten(.select, self, dimension, index)
  }

  /// Every `step`-th element along `dimension`.
  public func strided(_ dimension: Int, by step: Int, from start: Int = 0) -> Tensor {
    aten(.slice, self, dimension, start, Int?.none, step)
  }

  /// The slices of `indices`, in that order, along `dimension` (index_select).
  public func selected(_ dimension: Int, indices: Tensor) -> Tensor {
    aten(.indexSelect, self, dimension, indices)
  }

  /// A view of this tensor's memory from its first element on, with strides in elements.
  public func viewed(_ shape: [Int], strides: [Int]) -> Tensor {
    aten(.strided, self, shape, strides, 0)
  }

  /// The slices along `dimension`, which is dropped.
  public func unbound(_ dimension: Int) -> [Tensor] {
    atenList(.unbind, [self, dimension], capacity: size(dimension))
  }

  public func split(_ sizes: [Int], _ dimension: Int) -> [Tensor] {
    atenList(.splitWithSizes, [self, sizes, dimension], capacity: sizes.count)
  }

  public static func concatenated(_ tensors: [Tensor], _ dimension: Int) -> Tensor {
    aten(.cat, tensors, dimension)
  }

  public static func stacked(_ tensors: [Tensor], _ dimension: Int = 0) -> Tensor {
    aten(.stack, tensors, dimension)
  }

  /// Zero, reflected or replicated padding; `sizes` from the last dimension: [left, right, top,
  /// bottom].
  public func padded(_ sizes: [Int], _ mode: PaddingMode = .constant) -> Tensor {
    aten(.pad, self, sizes, mode.rawValue)
  }

  public enum PaddingMode: String { case constant, reflect, replicate }

  // MARK: Type and place

  public func to(_ dtype: DType) -> Tensor {
    self.dtype == dtype ? self : aten(.toDType, self, dtype)
  }

  public func to(_ device: Device) -> Tensor {
    self.device == device ? self : aten(.toDevice, self, device, dtype)
  }
}

infix operator .> : ComparisonPrecedence
infix operator .< : ComparisonPrecedence
infix operator .<= : ComparisonPrecedence
infix operator .== : ComparisonPrecedence
