/// Convolutions by a packed kernel and group normalisation, at many sizes.
extension FusedCase {
  /// Odd sizes among them: of pictures, tiles that reach beyond them, and channels that fill no
  /// register.
  static var smallConvolutions: [FusedCase] {
    var cases: [FusedCase] = []
    for (b, i, o, h, w) in [
      (1, 1, 1, 1, 1), (2, 3, 5, 2, 3), (1, 16, 16, 5, 7), (3, 33, 20, 4, 9), (1, 64, 48, 12, 10),
      (1, 40, 100, 6, 17),
    ] {
      cases.append(convolution((b, i, o, h, w)))
      cases.append(convolution((b, i, o, h, w), hasBias: false, isChannelsLast: false))
      cases.append(convolution((b, i, o, h, w), hasSlope: true))
      cases.append(convolution((b, i, o, h, w), hasSlope: true, hasResidual: true))
      cases.append(convolution((b, i, o, h, w), hasResidual: true, isEnlarged: true))
    }
    return cases
  }

  /// Sizes of the decoders of small and of published models.
  static let largeConvolutions = [
    convolution((1, 64, 64, 128, 192), hasSlope: true),
    convolution((1, 128, 128, 256, 256), hasResidual: true),
    convolution((1, 256, 256, 64, 64), isEnlarged: true),
    convolution((1, 512, 512, 64, 64)),
    convolution((12, 128, 128, 16, 16), hasResidual: true),
  ]

  static let smallGroupNorms: [FusedCase] = [
    (1, 32, 4, 1, 1), (2, 48, 24, 3, 5), (1, 128, 32, 7, 6), (3, 6, 2, 33, 2), (2, 20, 5, 50, 41),
  ].flatMap { shape in
    [false, true].map { groupNorm(shape, silu: true, isChannelsLast: $0) }
      + [groupNorm(shape, silu: false, isChannelsLast: true)]
  }

  static let largeGroupNorms = [
    groupNorm((1, 128, 32, 256, 256), silu: true, isChannelsLast: true)
  ]

  private static func convolution(
    _ shape: (b: Int, i: Int, o: Int, h: Int, w: Int), hasBias: Bool = true, hasSlope: Bool = false,
    hasResidual: Bool = false, isEnlarged: Bool = false, isChannelsLast: Bool = true
  ) -> FusedCase {
    let (b, i, o, h, w) = shape
    let (factor, random) = (isEnlarged ? 2 : 1, RandomGenerator(seed: 5))
    let weight = Tensor.randn([o, i, 3, 3], using: random) * (1 / Double(9 * i).squareRoot())
    let packed = PackedKernel(weight)
    let bias = hasBias ? Tensor.randn([o], using: random) : nil
    let fusion = ConvolutionFusion(
      slope: hasSlope ? .rand([o], using: random) : nil,
      residual: hasResidual ? .randn([b, o, factor * h, factor * w], using: random) : nil,
      isEnlarged: isEnlarged)
    let parts = [
      hasBias ? nil : "without bias", hasSlope ? "PReLU" : nil, hasResidual ? "residual" : nil,
      isEnlarged ? "enlarged" : nil, isChannelsLast ? nil : "channels first",
    ]
    return FusedCase(
      description: (["conv3x3 \([b, i, h, w]) to \(o)"] + parts.compactMap(\.self))
        .joined(separator: ", "),
      result: .float32, hasDerivatives: false,
      inputs: { random in
        let x = Tensor.randn([b, i, h, w], using: random)
        return [isChannelsLast ? x.channelsLast() : x]
      },
      fused: { [packed.conv2d($0[0], bias, fusion)] },
      composed: { [PackedKernel.conv2dReference($0[0], weight, bias, fusion)] })
  }

  private static func groupNorm(
    _ shape: (b: Int, c: Int, groups: Int, h: Int, w: Int), silu: Bool, isChannelsLast: Bool
  ) -> FusedCase {
    let (b, c, groups, h, w) = shape
    return FusedCase(
      description: "groupNorm\(silu ? " silu" : "") \([b, c, h, w]) in \(groups)"
        + (isChannelsLast ? "" : ", channels first"),
      result: .float32, hasDerivatives: false,
      inputs: { random in
        let x = Tensor.randn([b, c, h, w], using: random) * 4 + 1
        return [
          isChannelsLast ? x.channelsLast() : x, .randn([c], using: random),
          .randn([c], using: random),
        ]
      },
      fused: { [$0[0].groupNorm(groups, $0[1], $0[2], silu: silu)] },
      composed: { [$0[0].groupNormReference(groups, $0[1], $0[2], epsilon: 1e-6, silu: silu)] })
  }
}
