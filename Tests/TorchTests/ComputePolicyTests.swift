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
    (zen4, [:], .bfloat16), (sapphireRapids, [:], .bfloat16), (graviton3, [:], .bfloat16),
    (skylakeServer, [:], .float32), (haswell, [:], .float32), (graviton2, [:], .float32),
    (Set<String>(), [:], .float32),
    // The libraries' own limits count as much as the processor's.
    (zen4, ["ONEDNN_MAX_CPU_ISA": "AVX2"], .float32),
    (zen4, ["ONEDNN_MAX_CPU_ISA": "avx512_core_bf16"], .bfloat16),
    (sapphireRapids, ["DNNL_MAX_CPU_ISA": "AVX512_CORE_VNNI"], .float32),
    (sapphireRapids, ["ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"], .bfloat16),
    (zen4, ["ATEN_CPU_CAPABILITY": "avx2"], .float32),
    (zen4, ["ONEDNN_MAX_CPU_ISA": "DEFAULT", "ATEN_CPU_CAPABILITY": "avx512"], .bfloat16),
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

  @Test func whatIsAskedForIsDone() throws {
    let slow = Processor(features: Self.haswell)
    let policy = try ComputePolicy(.bfloat16, processor: slow)
    #expect(policy.precision == .bfloat16 && policy.reason.contains("slow"))
    let wide = try ComputePolicy(.float32, processor: Processor(features: Self.zen4))
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
