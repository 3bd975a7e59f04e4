/// The precision that `.auto` is on a kind of processor: the fastest of float32, bfloat16 and int8
/// that agrees with float32 within a bound, as measured on the shipped model. The figures are in
/// `Documentation/performance.md`; int8 has its activations in the type that is fastest in floating
/// point.
public struct MeasuredChoice: Sendable {
  /// The largest distance of a precision from float32 (`nsarm bench --only agreement`): the least
  /// PSNR between pictures of the same seed, in dB, and the least share of the bits of a scale with
  /// the same likelier value.
  public static let bound = (psnr: 45.0, equalBits: 0.99)

  /// The precision of training, and of inference with models that have no calibration.
  public let floating: Precision
  /// The precision of inference with calibrated models, whose inputs of convolutions have known
  /// ranges.
  public let calibrated: Precision
  /// A summary of the measurement, for messages.
  public let reason: String

  public static func of(_ kind: Processor.Kind) -> MeasuredChoice {
    switch kind {
    case .amx:
      MeasuredChoice(
        floating: .bfloat16, calibrated: .bfloat16,
        reason: "bfloat16 is as fast as int8 there and takes 0.6 of float32's time, 45.3 dB from it"
      )
    case .avx512BFloat16:
      MeasuredChoice(
        floating: .float32, calibrated: .int8,
        reason: "bfloat16 without AMX takes 1.8 times float32's time, int8 0.8, 63.9 dB from it")
    case .avx512VNNI:
      MeasuredChoice(
        floating: .float32, calibrated: .int8,
        reason: "no bfloat16 units; int8 takes 0.8 of float32's time, 63.9 dB from it")
    case .avx512, .avx2:
      MeasuredChoice(
        floating: .float32, calibrated: .int8,
        reason: "no bfloat16 units; int8 takes 0.75 of float32's time, 61.7 dB from it")
    case .avx2VNNI:
      MeasuredChoice(
        floating: .float32, calibrated: .int8,
        reason: "no bfloat16 units; as on AVX2, where int8 takes 0.75 of float32's time")
    case .armBFloat16:
      MeasuredChoice(
        floating: .bfloat16, calibrated: .bfloat16,
        reason: "units for bfloat16; nothing was measured there")
    case .arm, .other:
      MeasuredChoice(
        floating: .float32, calibrated: .float32,
        reason: "no bfloat16 units; nothing was measured there")
    }
  }
}
