/// A fused operator at one size: its computation, the composition that it has to agree with, and
/// inputs for both. Tests compare the two and their derivatives; `nsarm bench` times them.
package struct FusedCase: Sendable, CustomStringConvertible {
  package let description: String
  /// Element type of the results.
  package var result: DType
  /// Whether the operator has derivatives.
  package var hasDerivatives = true
  /// The tolerance of the results, relative to the largest: integers that are rounded otherwise may
  /// be one off.
  package var tolerance = 1e-5
  package let inputs: @Sendable (RandomGenerator) -> [Tensor]
  package let fused: @Sendable ([Tensor]) -> [Tensor]
  /// The composition, in the type of its inputs (float64 too) or a wider one.
  package let composed: @Sendable ([Tensor]) -> [Tensor]

  /// Many sizes, odd ones among them, in both element types; for this thread's `KernelKind`.
  package static var small: [FusedCase] {
    types.flatMap { type in
      var cases: [FusedCase] = []
      for shape in [
        (1, 8, 1, 1), (2, 5, 3, 4), (1, 16, 1, 7), (2, 33, 5, 3), (1, 64, 6, 6), (1, 100, 9, 2),
      ] {
        cases.append(channelNorm(shape, type, silu: false, isChannelsLast: true))
        cases.append(channelNorm(shape, type, silu: true, isChannelsLast: true))
        cases.append(channelNorm(shape, type, silu: true, isChannelsLast: false))
      }
      for (b, l, c, scales, shifts) in [
        (3, 7, 20, 3, 3), (3, 1, 64, 1, 3), (2, 50, 37, 2, 1), (1, 9, 16, 1, 1), (2, 3, 5, 1, 1),
      ] {
        cases.append(modulatedNorm((b, l, c), scales: scales, shifts: shifts, type))
      }
      for shape in [[1], [3, 37], [2, 5, 64], [2, 3, 4, 5]] {
        cases.append(gelu(shape, type))
        cases.append(gelu(shape, type, isTransposed: true))
      }
      for shape in [(2, 9, 4, 16), (1, 1, 3, 2), (2, 5, 2, 20), (1, 33, 4, 64), (2, 3, 1, 6)] {
        cases.append(rotatedHeads(shape, type))
        cases.append(rotatedHeads(shape, type, turnsOfSamples: true))
      }
      for (b, l, c, gates) in [(3, 7, 20, 3), (2, 50, 64, 1), (1, 1, 5, 1), (2, 3, 33, 2)] {
        cases.append(gatedResidual((b, l, c), gates: gates, type))
      }
      for shape in [
        (1, 2, 5, 3, 6), (2, 4, 36, 57, 64), (1, 3, 49, 121, 64), (2, 1, 97, 130, 33),
        (1, 16, 9, 2100, 20),
      ] {
        cases.append(attention(shape, type))
      }
      for shape in [
        (1, 1, 1, 1, 4), (1, 2, 3, 1, 8), (2, 3, 1, 7, 12), (1, 2, 5, 33, 20), (2, 2, 36, 57, 64),
        (1, 3, 49, 256, 36), (2, 1, 33, 300, 128), (1, 1, 2, 521, 132),
      ] {
        cases.append(quantizedAttention(shape, type))
      }
      return cases + smallLinears(type)
    } + smallConvolutions + smallDenseBlocks + smallGroupNorms
  }

  /// Large enough for several threads, as in a small model.
  package static let large: [FusedCase] =
    types.flatMap { type in
      [
        channelNorm((8, 64, 64, 64), type, silu: true, isChannelsLast: true),
        modulatedNorm((8, 341, 256), scales: 8, shifts: 8, type), gelu([8, 341, 1024], type),
        rotatedHeads((8, 341, 4, 64), type), gatedResidual((8, 341, 256), gates: 8, type),
        attention((8, 4, 256, 341, 64), type), attention((1, 16, 256, 2048, 64), type),
        quantizedAttention((8, 4, 256, 341, 64), type),
      ] + largeLinears(type)
    } + largeConvolutions + largeDenseBlocks + largeGroupNorms

  private static let types = [DType.float32, .bfloat16]

  // MARK: Operators

  private static func channelNorm(
    _ shape: (b: Int, c: Int, h: Int, w: Int), _ type: DType, silu: Bool, isChannelsLast: Bool
  ) -> FusedCase {
    let (b, c, h, w) = shape
    return FusedCase(
      description:
        "channelNorm\(silu ? " silu" : "") \([b, c, h, w]) \(type)"
        + (isChannelsLast ? "" : ", channels first"),
      result: type,
      inputs: { random in
        let x = (Tensor.randn([b, c, h, w], using: random) * 4 + 1).to(type)
        return [
          isChannelsLast ? x.channelsLast() : x, .randn([c], using: random),
          .randn([c], using: random),
        ]
      },
      fused: { [$0[0].channelNorm($0[1], $0[2], silu: silu)] },
      composed: { [$0[0].channelNormReference($0[1], $0[2], epsilon: 1e-6, silu: silu)] })
  }

  private static func modulatedNorm(
    _ shape: (b: Int, l: Int, c: Int), scales: Int, shifts: Int, _ type: DType
  ) -> FusedCase {
    let (b, l, c) = shape
    return FusedCase(
      description: "modulatedNorm \([b, l, c]) to \(type), \(scales) and \(shifts) in batch",
      result: type,
      inputs: { random in
        [
          .randn([b, l, c], using: random) * 30 - 10, .randn([scales, 1, c], using: random),
          .randn([shifts, 1, c], using: random),
        ]
      },
      fused: { [$0[0].modulatedNorm(scale: $0[1], shift: $0[2], dtype: type)] },
      composed: { [$0[0].modulatedNormReference(scale: $0[1], shift: $0[2], epsilon: 1e-6)] })
  }

  private static func gelu(
    _ shape: [Int], _ type: DType, isTransposed: Bool = false
  ) -> FusedCase {
    FusedCase(
      description: "gelu \(shape) \(type)\(isTransposed ? ", transposed" : "")", result: type,
      inputs: { random in
        let x = (Tensor.randn(shape, using: random) * 3).to(type)
        return [isTransposed ? x.transposed(0, -1) : x]
      },
      fused: { [$0[0].gelu(approximate: true)] },
      composed: { [$0[0].to(.float64).geluTanhReference()] })
  }

  private static func rotatedHeads(
    _ shape: (b: Int, l: Int, h: Int, c: Int), _ type: DType, turnsOfSamples: Bool = false
  ) -> FusedCase {
    let (b, l, h, c) = shape
    let turned = (turnsOfSamples ? [b] : []) + [l, c / 2]
    @Sendable func turns(_ x: Tensor) -> (cosines: Tensor, sines: Tensor) {
      let angles = (Tensor.range(turned.reduce(1, *), .float32) * 0.37).reshaped(turned)
      let wide = x.dtype == .float64 ? angles.to(.float64) : angles
      return (wide.cos(), wide.sin())
    }
    return FusedCase(
      description: "rotatedHeads \([b, h, l, c]), turns \(turned) \(type)", result: type,
      inputs: { random in
        [
          (Tensor.randn([b, l, 3 * h * c], using: random) * 5).to(type),
          .rand([h], using: random) * 4 + 0.5,
        ]
      },
      fused: {
        let (cosines, sines) = turns($0[0])
        let parts = $0[0].rotatedHeads(h, logitScale: $0[1], cosines: cosines, sines: sines)
        return [parts.queries, parts.keys, parts.values]
      },
      composed: {
        let (cosines, sines) = turns($0[0])
        let parts = $0[0].rotatedHeadsReference(
          h, logitScale: $0[1], cosines: cosines, sines: sines)
        return [parts.queries, parts.keys, parts.values]
      })
  }

  private static func gatedResidual(
    _ shape: (b: Int, l: Int, c: Int), gates: Int, _ type: DType
  ) -> FusedCase {
    let (b, l, c) = shape
    return FusedCase(
      description: "gatedResidual \([b, l, c]) \(type), \(gates) in batch", result: .float32,
      inputs: { random in
        [
          .randn([b, l, c], using: random), Tensor.randn([b, l, c], using: random).to(type),
          .randn([gates, 1, c], using: random),
        ]
      },
      fused: { [$0[0].gatedResidual($0[1], gate: $0[2])] },
      composed: { [$0[0].gatedResidualReference($0[1], gate: $0[2])] })
  }

  private static func attention(
    _ shape: (b: Int, h: Int, queries: Int, keys: Int, c: Int), _ type: DType
  ) -> FusedCase {
    let (b, h, queries, keys, c) = shape
    return FusedCase(
      description: "attention \([b, h, queries, c]) over \(keys) \(type)", result: type,
      hasDerivatives: false,
      inputs: { random in
        [queries, keys, keys].map { Tensor.randn([b, h, $0, c], using: random).to(type) }
      },
      fused: { [$0[0].attention($0[1], $0[2], scale: 0.125)] },
      composed: { [$0[0].attentionReference($0[1], $0[2], scale: 0.125)] })
  }

  private static func quantizedAttention(
    _ shape: (b: Int, h: Int, queries: Int, keys: Int, c: Int), _ type: DType
  ) -> FusedCase {
    let (b, h, queries, keys, c) = shape
    return FusedCase(
      description: "quantizedAttention \([b, h, queries, c]) over \(keys) \(type)", result: type,
      hasDerivatives: false, tolerance: 2e-3,
      inputs: { random in
        let q = Tensor.randn([b, h, queries, c], using: random).l2Normalized(-1) * 5
        let (k, v) = (
          Tensor.randn([b, h, keys, c], using: random),
          Tensor.randn([b, h, keys, c], using: random)
        )
        return [q, k.l2Normalized(-1), v + 0.5].map { $0.to(type) }
      },
      fused: {
        let tokens = QuantizedTokens(batch: b, heads: h, length: keys, channels: c)
        tokens.append($0[1], $0[2], at: 0)
        return [tokens.attention($0[0], count: keys)]
      },
      composed: { [$0[0].quantizedAttentionReference($0[1], $0[2])] })
  }
}
