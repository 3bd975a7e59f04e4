import Testing

@testable import Torch

@Suite struct ComputePolicyTests {
  private static let zen4: Set = [
    "avx2", "fma", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16",
  ]
  private static let sapphireRapids = zen4.union(["amx_tile", "amx_int8", "amx_bf16"])
  private static let skylakeServer: Set = ["avx2", "fma", "avx512f", "avx512bw", "avx512vl"]
  private static let haswell: Set = ["avx2", "fma"]
  private static let graviton3: Set = ["asimd", "bf16", "i8mm"]
  private static let graviton2: Set = ["asimd"]

  private static let choices: [(Set<String>, [String: String], Precision)] = [
    (zen4, [:], .float32), (sapphireRapids, [:], .bfloat16), (graviton3, [:], .bfloat16),
    (skylakeServer, [:], .float32), (haswell, [:], .float32), (graviton2, [:], .float32),
    (Set<String>(), [:], .float32),
    // The libraries' own limits count as much as the processor's.
    (zen4, ["ONEDNN_MAX_CPU_ISA": "AVX2"], .float32),
    (sapphireRapids, ["ONEDNN_MAX_CPU_ISA": "avx512_core_amx"], .bfloat16),
    (sapphireRapids, ["DNNL_MAX_CPU_ISA": "AVX512_CORE_VNNI"], .float32),
    (sapphireRapids, ["ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"], .float32),
    (sapphireRapids, ["ATEN_CPU_CAPABILITY": "avx2"], .float32),
    (
      sapphireRapids, ["ONEDNN_MAX_CPU_ISA": "DEFAULT", "ATEN_CPU_CAPABILITY": "avx512"], .bfloat16
    ),
  ]

  @Test(arguments: choices)
  func automaticFollowsTheProcessor(
    _ features: Set<String>, _ environment: [String: String], _ expected: Precision
  ) throws {
    let processor = Processor(name: "P", features: features, environment: environment)
    let policy = try ComputePolicy(processor: processor)
    #expect(policy.precision == expected && policy.reason.contains("P "))
    let type: DType = expected == .bfloat16 ? .bfloat16 : .float32
    #expect(policy.storage == type && policy.activations == type)
    // int8 has everything else in what is fast there.
    #expect(try ComputePolicy(.int8, processor: processor).activations == type)
  }

  /// Kinds by their features, and what was measured to be fastest on them.
  private static let kinds: [(Set<String>, Processor.Kind, floating: Precision, Precision)] = [
    (sapphireRapids, .amx, .bfloat16, .bfloat16), (zen4, .avx512BFloat16, .float32, .int8),
    (skylakeServer.union(["avx512_vnni"]), .avx512VNNI, .float32, .int8),
    (skylakeServer, .avx512, .float32, .int8), (haswell, .avx2, .float32, .int8),
    (haswell.union(["avx_vnni"]), .avx2VNNI, .float32, .int8),
    (graviton3, .armBFloat16, .bfloat16, .bfloat16), (graviton2, .arm, .float32, .float32),
    ([], .other, .float32, .float32),
  ]

  @Test(arguments: kinds)
  func automaticFollowsWhatWasMeasured(
    _ features: Set<String>, _ kind: Processor.Kind, _ floating: Precision,
    _ calibrated: Precision
  ) throws {
    let processor = Processor(features: features)
    let choice = MeasuredChoice.of(kind)
    #expect(processor.kind == kind && processor.instructionSet == kind.rawValue)
    #expect(choice.floating == floating && choice.calibrated == calibrated)
    #expect(try ComputePolicy(processor: processor).precision == floating)
    let policy = try ComputePolicy(processor: processor, isCalibrated: true)
    #expect(policy.precision == calibrated && policy.reason.contains(choice.reason))
    #expect(policy.reason.contains(kind.rawValue))
    // bfloat16 only where it is multiplied, and training never in 8 bits.
    #expect(floating != .bfloat16 || processor.multipliesBFloat16)
    #expect(try ComputePolicy(processor: processor).forTraining().precision == floating)
    let gpu = try ComputePolicy(
      on: Device(unchecked: "cuda"), processor: processor, isCalibrated: true)
    #expect(gpu.precision == .bfloat16)
    #expect(try ComputePolicy(.float32, processor: processor, isCalibrated: true) == .float32)
  }

  /// oneDNN told to be AVX512_CORE uses no VNNI at all, also not the one of AVX2.
  @Test func limitsOfTheLibraryTakeAwayWhatItLacks() {
    let features = Self.sapphireRapids.union(["avx_vnni"])
    func sums(_ limit: String) -> Bool {
      Processor(features: features, environment: ["ONEDNN_MAX_CPU_ISA": limit])
        .sumsProductsIn32Bits
    }
    #expect(!sums("AVX512_CORE") && !sums("AVX2"))
    #expect(sums("AVX2_VNNI") && sums("AVX512_CORE_VNNI") && sums("AVX512_CORE_AMX"))
  }

  @Test func whatIsAskedForIsDone() throws {
    let slow = Processor(features: Self.haswell)
    let policy = try ComputePolicy(.bfloat16, processor: slow)
    #expect(policy.precision == .bfloat16 && policy.reason.contains("slow"))
    let wide = try ComputePolicy(.float32, processor: Processor(features: Self.sapphireRapids))
    #expect(wide.precision == .float32 && wide.storage == .float32)
  }

  @Test func weightsInTrainingAreFloat32() throws {
    let policy = try ComputePolicy(.bfloat16).forTraining()
    #expect(policy.storage == .float32 && policy.activations == .bfloat16)
    #expect(throws: TorchError.self) { try ComputePolicy(.int8).forTraining() }
    #expect(throws: TorchError.self) { try ComputePolicy(.int8, on: Device(unchecked: "cuda")) }
    #expect(try ComputePolicy(on: Device(unchecked: "cuda")).precision == .bfloat16)
  }

  @Test func processorsAreRead() {
    let x86 = Processor.parsed(
      cpuinfo:
        "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: fpu avx2 avx512_bf16\n\nflags : x\n"
    )
    #expect(x86.name == "Some CPU @ 2 GHz" && x86.features == ["fpu", "avx2", "avx512_bf16"])
    let arm = Processor.parsed(cpuinfo: "processor : 0\nFeatures : fp asimd bf16\n")
    #expect(arm.name == "" && arm.features == ["fp", "asimd", "bf16"])
    #expect(Processor.parsed(cpuinfo: "").features.isEmpty)
    #expect(!Processor.current.features.isEmpty)
  }
}
