extension Processor {
  /// Processors on which the same arithmetic is fastest, by the widest extension that they have.
  public enum Kind: String, CaseIterable, Sendable {
    case other = "no vector extension known"
    case avx2 = "AVX2"
    case avx2VNNI = "AVX2-VNNI"
    case avx512 = "AVX-512"
    case avx512VNNI = "AVX512-VNNI"
    case avx512BFloat16 = "AVX512-BF16"
    case amx = "AMX"
    case arm = "Arm NEON"
    case armBFloat16 = "Arm BF16"

    /// The feature that identifies a kind, under the system's name; newer kinds come first.
    fileprivate static let signs: [(feature: String, kind: Kind)] = [
      ("amx_bf16", .amx), ("avx512_bf16", .avx512BFloat16), ("avx512_vnni", .avx512VNNI),
      ("avx512f", .avx512), ("avx_vnni", .avx2VNNI), ("avx2", .avx2), ("bf16", .armBFloat16),
      ("asimd", .arm),
    ]
  }

  public var kind: Kind { Kind.signs.first { features.contains($0.feature) }?.kind ?? .other }

  /// The widest vector extension by name, for tables: "AVX512-BF16", "AVX2".
  public var instructionSet: String { kind.rawValue }

  /// Whether libtorch computes attention of bfloat16 on this processor. Its kernels for AVX2, which
  /// `ATEN_CPU_CAPABILITY` asks for, refuse operands that its oneDNN would have packed for AMX, and
  /// where no unit multiplies bfloat16 float32 is faster.
  var attendsInBFloat16: Bool { multipliesBFloat16 }
}
