/// AdamW (Loshchilov and Hutter, 2019) with float32 moments and float32 master weights.
///
/// m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², θ ← θ − η λ θ − η m̂ / (√v̂ + ε).
public final class AdamW {
  public struct Configuration: Codable, Equatable, Sendable {
    public var beta1 = 0.9
    public var beta2 = 0.97
    public var epsilon = 1e-8
    public var weightDecay = 0.01

    public init() {}
  }

  public let parameters: [Parameter]
  public let configuration: Configuration
  public private(set) var firstMoments, secondMoments: [Tensor]
  public private(set) var stepCounts: [Tensor]

  public init(_ parameters: [Parameter], _ configuration: Configuration = Configuration()) {
    self.parameters = parameters
    self.configuration = configuration
    firstMoments = parameters.map { .zeros(like: $0.value.detached()) }
    secondMoments = parameters.map { .zeros(like: $0.value.detached()) }
    stepCounts = parameters.map { .zeros([], on: $0.value.device) }
  }

  /// One update from the gradients that `backward` accumulated, which are cleared. Gradients whose
  /// global L2 norm is above `clipping` are scaled down to it.
  /// - Returns: the norm before clipping; when it is not finite, nothing was updated.
  @discardableResult
  public func step(learningRate: Double, clipping: Double? = nil) -> Double {
    step(learningRate: learningRate, clipping: clipping) { $0 }
  }

  /// As `step(learningRate:clipping:)`.
  /// - Parameter agreed: gives the norm that counts for the one that was computed: several ranks
  ///   take the same.
  public func step(
    learningRate: Double, clipping: Double?, agreed: (Double) throws -> Double
  ) rethrows -> Double {
    try withoutGradients {
      let active = parameters.indices.filter { parameters[$0].value.gradient != nil }
      guard !active.isEmpty else { return 0 }
      let grads = active.map { parameters[$0].value.gradient! }
      defer { for index in active { parameters[index].value.clearGradient() } }
      let norm = try agreed(globalNorm(grads))
      guard norm.isFinite else { return norm }
      if let clipping, norm > clipping {
        scaleInPlace(grads, by: clipping / norm)
      }
      configuration.update(
        .init(
          values: active.map { parameters[$0].value.detached() }, gradients: grads,
          firstMoments: active.map { firstMoments[$0] },
          secondMoments: active.map { secondMoments[$0] },
          stepCounts: active.map { stepCounts[$0] }),
        learningRate: learningRate)
      return norm
    }
  }

  /// The state by name, for checkpoints: "first_moment.P", "second_moment.P", "step_count.P" for
  /// each parameter P.
  public var state: [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (index, parameter) in parameters.enumerated() {
      result["first_moment." + parameter.name] = firstMoments[index]
      result["second_moment." + parameter.name] = secondMoments[index]
      result["step_count." + parameter.name] = stepCounts[index]
    }
    return result
  }

  /// Restores what `state` gave.
  public func restore(_ lookup: (String) throws -> Tensor) throws {
    for (index, parameter) in parameters.enumerated() {
      firstMoments[index].copyInPlace(try lookup("first_moment." + parameter.name))
      secondMoments[index].copyInPlace(try lookup("second_moment." + parameter.name))
      stepCounts[index].copyInPlace(try lookup("step_count." + parameter.name))
    }
  }
}

extension AdamW {
  /// Tensors that one update changes, the i-th of each list belonging together; all but the step
  /// counts, which are scalars, have one shape.
  public struct Tensors {
    public let values, gradients, firstMoments, secondMoments, stepCounts: [Tensor]

    public init(
      values: [Tensor], gradients: [Tensor], firstMoments: [Tensor], secondMoments: [Tensor],
      stepCounts: [Tensor]
    ) {
      self.values = values
      self.gradients = gradients
      self.firstMoments = firstMoments
      self.secondMoments = secondMoments
      self.stepCounts = stepCounts
    }
  }
}

extension AdamW.Configuration {
  /// One update in place, elementwise, without clipping; the step counts grow by 1.
  public func update(_ tensors: AdamW.Tensors, learningRate: Double) {
    withoutGradients {
      _ = atenList(.foreachAddInPlaceScalar, [tensors.stepCounts, 1.0])
      _ = atenList(
        .fusedAdamW,
        [
          tensors.values, tensors.gradients, tensors.firstMoments, tensors.secondMoments,
          [Tensor](),
          tensors.stepCounts, learningRate, beta1, beta2, weightDecay, epsilon, false, false,
        ])
    }
  }
}

/// Multiplies tensors by a factor, in place.
public func scaleInPlace(_ tensors: [Tensor], by factor: Double) {
  withoutGradients { _ = atenList(.foreachMulInPlaceScalar, [tensors, factor]) }
}

/// Moves tensors towards others in place: a ← a + rate · (b − a).
public func lerpInPlace(_ tensors: [Tensor], to others: [Tensor], rate: Double) {
  withoutGradients { _ = atenList(.foreachLerpInPlaceScalar, [tensors, others, rate]) }
}

/// The L2 norm over all elements of all tensors.
public func globalNorm(_ tensors: [Tensor]) -> Double {
  let norms = atenList(.foreachNormScalar, [tensors, 2.0], capacity: tensors.count)
  return Tensor.stacked(norms).norm().item
}

/// Exponential moving average of parameters: θ̄ ← d θ̄ + (1 − d) θ.
public final class ExponentialMovingAverage {
  public let parameters: [Parameter]
  public let decay: Double
  public private(set) var averages: [Tensor]

  public init(_ parameters: [Parameter], decay: Double) {
    self.parameters = parameters
    self.decay = decay
    averages = parameters.map { $0.value.detached().cloned() }
  }

  /// Follows the parameters after update number `step` (from 1); early updates count for more, so
  /// that the random start is soon forgotten: d = min(decay, (1 + step) / (10 + step)).
  public func update(step: Int) {
    lerpInPlace(
      averages, to: parameters.map { $0.value.detached() },
      rate: ExponentialMovingAverage.rate(step: step, decay: decay))
  }

  /// 1 − d for update number `step`.
  public static func rate(step: Int, decay: Double) -> Double {
    1 - Swift.min(decay, Double(1 + step) / Double(10 + step))
  }

  /// Runs `body` with the averages in place of the parameters.
  public func withAverages<Result>(_ body: () throws -> Result) rethrows -> Result {
    let current = parameters.map(\.value)
    for (parameter, average) in zip(parameters, averages) { parameter.value = average }
    defer { for (parameter, value) in zip(parameters, current) { parameter.value = value } }
    return try body()
  }
}
