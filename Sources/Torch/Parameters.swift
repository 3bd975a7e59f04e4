/// A named tensor of a model. Training replaces or updates `value` in place.
///
/// Sendable, so that models can be handed from thread to thread; one thread at a time changes a
/// parameter.
public final class Parameter: @unchecked Sendable {
  public let name: String
  public let role: WeightRole
  public var value: Tensor
  /// The form in which products with this matrix are computed; nil: plainly, with `value`.
  public var linearKernel: (any LinearKernel)?
  /// The form in which convolutions with this kernel are computed; nil: plainly, with `value`.
  public var convolutionKernel: (any ConvolutionKernel)?

  /// Whether the weight is used as `value` alone.
  public var isPlain: Bool { linearKernel == nil && convolutionKernel == nil }

  init(_ name: String, _ role: WeightRole, _ value: Tensor) {
    self.name = name
    self.role = role
    self.value = value
  }
}

/// A source of the values of parameters, such as a checkpoint file.
public protocol TensorSource {
  /// The source's name in messages, such as a file's path.
  var title: String { get }
  var names: [String] { get }
  func tensor(_ name: String) throws -> Tensor

  /// Throws where bytes that tensors share with the source could not be read when they were used,
  /// and were taken for zeros.
  func checkWhole() throws
}

extension TensorSource {
  public func checkWhole() throws {}
}

/// The distribution that a fresh parameter is drawn from.
public enum Initializer: Sendable {
  case zeros, ones, constant(Double)
  /// N(0, σ²).
  case normal(Double)
  /// U(-bound, bound).
  case uniform(Double)

  /// N(0, gain² / fanIn).
  public static func scaledNormal(fanIn: Int, gain: Double = 1) -> Initializer {
    .normal(gain / Double(fanIn).squareRoot())
  }

  func fill(_ shape: [Int], using random: RandomGenerator) -> Tensor {
    switch self {
    case .zeros: .zeros(shape)
    case .ones: .ones(shape)
    case .constant(let value): .full(shape, value)
    case .normal(let deviation): .randn(shape, using: random) * deviation
    case .uniform(let bound): .rand(shape, using: random) * (2 * bound) - bound
    }
  }
}

/// A checkpoint does not fit a model; every key that does not fit is listed.
public struct ParameterMismatch: Error, CustomStringConvertible {
  public let source: String
  public let problems: [String]

  public var description: String {
    let shown = problems.prefix(5).joined(separator: "; ")
    let rest = problems.count > 5 ? "; and \(problems.count - 5) more" : ""
    return "\(source) does not fit this model: \(shown)\(rest)"
  }
}

/// The parameters of a model by name: made fresh, or loaded from a source and checked against it.
public final class ParameterStore {
  /// The form in which a matrix is made where it does not come as a tensor; nil: it does.
  public typealias KernelSource = (_ name: String, _ shape: [Int], WeightRole) throws
    -> (any LinearKernel)?

  public private(set) var parameters: [Parameter] = []
  private var byName: [String: Parameter] = [:]
  /// The source of the parameters; nil for fresh ones.
  public let source: (any TensorSource)?
  private let device: Device
  private var problems: [String] = []
  private let renamed: (String) -> String
  private let random: RandomGenerator

  /// Fresh parameters, drawn one after the other in the order of their declaration from a generator
  /// with seed `seed`.
  public init(seed: UInt64, on device: Device = .cpu) {
    random = RandomGenerator(seed: seed)
    source = nil
    self.device = device
    renamed = { $0 }
  }

  /// Parameters of `source`, in its element types; `renamed` maps a model's name to the source's. A
  /// tensor that the source lacks or has in another shape is an error, except for names that
  /// `fresh` accepts: those are made fresh from `seed`.
  ///
  /// Where `kernel` gives a matrix a form of its own, its tensor is not read, and its value is a
  /// placeholder.
  public init(
    _ source: any TensorSource, on device: Device = .cpu,
    renamed: @escaping (String) -> String = { $0 },
    fresh: @escaping (String) -> Bool = { _ in false }, seed: UInt64 = 0,
    kernel: @escaping KernelSource = { _, _, _ in nil }
  ) {
    random = RandomGenerator(seed: seed)
    self.source = source
    self.device = device
    self.renamed = renamed
    self.fresh = fresh
    self.kernel = kernel
    available = Set(source.names)
  }

  private var kernel: KernelSource = { _, _, _ in nil }
  private var available: Set<String> = []
  private var placeholders: Set<String> = []
  private var fresh: (String) -> Bool = { _ in true }

  /// The scope whose names have no prefix.
  public var root: ParameterScope { ParameterScope(store: self, path: "") }

  public subscript(name: String) -> Parameter? { byName[name] }

  /// The number of elements of all parameters.
  public var count: Int { parameters.reduce(0) { $0 + $1.value.count } }

  func parameter(
    _ name: String, _ shape: [Int], _ role: WeightRole, _ initializer: Initializer
  ) throws -> Parameter {
    precondition(byName[name] == nil, "parameter \(name) is declared twice")
    let parameter: Parameter
    if let kernel = try kernel(name, shape, role) {
      parameter = Parameter(name, role, placeholder(name, shape))
      parameter.linearKernel = kernel
    } else {
      parameter = Parameter(name, role, try value(name, shape, initializer))
    }
    byName[name] = parameter
    parameters.append(parameter)
    return parameter
  }

  private func value(_ name: String, _ shape: [Int], _ initializer: Initializer) throws -> Tensor {
    func made() -> Tensor { initializer.fill(shape, using: random).to(device) }
    guard let source else { return made() }
    let key = renamed(name)
    guard available.contains(key) else {
      if fresh(name) { return made() }
      problems.append("'\(key)' is missing")
      return placeholder(name, shape)
    }
    let tensor = try source.tensor(key)
    guard tensor.shape == shape else {
      if fresh(name) { return made() }
      problems.append("'\(key)' has shape \(tensor.shape), expected \(shape)")
      return placeholder(name, shape)
    }
    return tensor.to(device)
  }

  /// Zeros that take no memory, whatever the shape, for what is never read: a model that does not
  /// fit its source is never computed with.
  private func placeholder(_ name: String, _ shape: [Int]) -> Tensor {
    placeholders.insert(name)
    return Tensor.zeros([]).expanded(shape)
  }

  /// Names of the source that no parameter asked for.
  public var unused: [String] {
    available.subtracting(byName.keys.map(renamed)).sorted()
  }

  /// Ends the construction of a model: reports missing, misshapen and (unless `ignoring` accepts
  /// them) unused tensors, and values that are not finite.
  /// - Throws: `ParameterMismatch`.
  public func validate(ignoring: (String) -> Bool = { _ in false }) throws {
    guard let source else { return }
    problems += unused.filter { !ignoring($0) }.map { "'\($0)' is not part of the model" }
    let checked = parameters.filter {
      $0.value.dtype.isFloatingPoint && !placeholders.contains($0.name)
    }
    if !checked.isEmpty {
      // All sums are read at once: a question for each takes longer than the sum.
      let sums = Tensor.stacked(checked.map { $0.value.sum().to(.float32) }, 0).floats
      for (parameter, sum) in zip(checked, sums) where !sum.isFinite {
        problems.append("'\(renamed(parameter.name))' holds values that are not finite")
      }
    }
    guard problems.isEmpty else {
      throw ParameterMismatch(source: source.title, problems: problems)
    }
  }

  /// Makes every parameter a float32 leaf that collects gradients.
  public func prepareForTraining() {
    for parameter in parameters {
      parameter.value = parameter.value.to(.float32).detached().cloned()
      parameter.value.requiresGradient = true
    }
  }

  /// Converts the parameters that `where` accepts to `dtype`; placeholders stay.
  public func convert(to dtype: DType, where accepts: (Parameter) -> Bool = { _ in true }) {
    for parameter in parameters
    where !placeholders.contains(parameter.name) && accepts(parameter) {
      parameter.value = parameter.value.to(dtype)
    }
  }
}

/// A path into a `ParameterStore`: `p / "blocks" / 0` names what lies under "blocks.0.".
public struct ParameterScope {
  let store: ParameterStore
  let path: String

  public static func / (scope: ParameterScope, name: String) -> ParameterScope {
    ParameterScope(store: scope.store, path: scope.path + name + ".")
  }

  public static func / (scope: ParameterScope, index: Int) -> ParameterScope {
    scope / String(index)
  }

  /// The parameter `name` of this scope: `shape` is checked, `initializer` fills a fresh one.
  public func callAsFunction(
    _ name: String, _ shape: [Int], _ role: WeightRole, _ initializer: Initializer
  ) throws -> Parameter {
    try store.parameter(path + name, shape, role, initializer)
  }

  /// The parameters under this path that are declared so far, in the order of their declaration.
  public var parameters: [Parameter] { store.parameters.filter { $0.name.hasPrefix(path) } }
}
