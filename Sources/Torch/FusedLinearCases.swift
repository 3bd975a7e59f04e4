/// Linear layers with packed matrices.
extension FusedCase {
  /// Odd sizes among them, and more inputs than are multiplied at a time.
  static func smallLinears(_ type: DType) -> [FusedCase] {
    guard PackedMatrix.hasLayout(type) else { return [] }
    return [
      (1, 1, 1), (3, 5, 7), (16, 32, 64), (17, 33, 65), (97, 64, 130), (1, 600, 20), (40, 1030, 9),
    ].flatMap { (rows, inputs, outputs) in
      // The composition rounds before GELU as well, which shows where all results are small.
      [linear(rows, inputs, outputs, type)]
        + (rows * outputs < 20
          ? [] : [linear(rows, inputs, outputs, type, hasBias: false, gelu: true)])
    }
  }

  /// Sizes of the transformer of a small model.
  static func largeLinears(_ type: DType) -> [FusedCase] {
    guard PackedMatrix.hasLayout(type) else { return [] }
    return [
      linear(3072, 192, 576, type), linear(3072, 192, 768, type, gelu: true),
      linear(3072, 768, 192, type),
    ]
  }

  private static func linear(
    _ rows: Int, _ inputs: Int, _ outputs: Int, _ type: DType, hasBias: Bool = true,
    gelu: Bool = false
  ) -> FusedCase {
    let random = RandomGenerator(seed: 6)
    let w = (Tensor.randn([outputs, inputs], using: random) * (1 / Double(inputs).squareRoot()))
      .to(type)
    let (packed, bias) = (PackedMatrix(w), hasBias ? Tensor.randn([outputs], using: random) : nil)
    return FusedCase(
      description: "linear\(gelu ? " gelu" : "") \([rows, inputs]) to \(outputs) \(type)"
        + (hasBias ? "" : ", without bias"),
      result: type, hasDerivatives: false,
      inputs: { [Tensor.randn([rows, inputs], using: $0).to(type)] },
      fused: { [gelu ? packed.linearGELU($0[0], bias) : packed.linear($0[0], bias)] },
      composed: {
        let x = $0[0]
        let y = x.linear(w.to(x.dtype), bias?.to(x.dtype))
        return [gelu ? y.geluTanhReference() : y]
      })
  }
}
