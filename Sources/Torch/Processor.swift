import Foundation

#if canImport(Darwin)
  import Darwin
#endif

/// The processor's features on which the choice of arithmetic depends.
public struct Processor: Equatable, Sendable {
  /// The name that the system gives, such as "AMD EPYC 9B14"; empty where it gives none.
  public let name: String
  /// Extensions of the instruction set by the system's names: "avx2", "avx512_bf16", "bf16".
  public let features: Set<String>

  /// - Parameter environment: oneDNN's and libtorch's own limits (`ONEDNN_MAX_CPU_ISA`,
  ///   `ATEN_CPU_CAPABILITY`) take away the features that these libraries will not use.
  public init(name: String = "", features: Set<String>, environment: [String: String] = [:]) {
    self.name = name
    self.features = features.filter { !Self.isWithheld($0, environment) }
  }

  /// The name and the kind, such as "AMD EPYC 9B14 (AVX2)".
  var title: String { "\(name.isEmpty ? "the processor" : name) (\(instructionSet))" }

  /// This machine's processor.
  public static let current: Processor = {
    let (name, features) = described()
    return Processor(
      name: name, features: features, environment: ProcessInfo.processInfo.environment)
  }()

  /// Whether products of bfloat16 matrices run in hardware (AVX512-BF16, AMX, Arm's BF16). Where
  /// they are emulated they take a hundred times as long as in float32.
  public var multipliesBFloat16: Bool {
    !features.isDisjoint(with: ["avx512_bf16", "amx_bf16", "bf16"])
  }

  /// Whether pairs of products of 8-bit numbers are summed in 32 bits (VNNI, AMX, Arm's dot
  /// products). Others sum them in 16 bits, which saturate unless one of the factors has 7 bits
  /// only.
  public var sumsProductsIn32Bits: Bool {
    !features.isDisjoint(with: ["avx512_vnni", "avx_vnni", "amx_int8", "asimd"])
  }

  // MARK: Limits of the libraries

  /// oneDNN's names of instruction sets, each with the first feature that it brings.
  private static let sets: [(name: String, features: Set<String>)] = [
    ("SSE41", []), ("AVX", ["avx"]), ("AVX2", ["avx2", "fma"]), ("AVX2_VNNI", ["avx_vnni"]),
    ("AVX2_VNNI_2", ["avx_vnni_int8", "avx_ne_convert"]),
    ("AVX512_CORE", ["avx512f", "avx512bw", "avx512vl", "avx512dq"]),
    ("AVX512_CORE_VNNI", ["avx512_vnni"]), ("AVX512_CORE_BF16", ["avx512_bf16"]),
    ("AVX512_CORE_FP16", ["avx512_fp16"]),
    ("AVX512_CORE_AMX", ["amx_tile", "amx_int8", "amx_bf16"]),
  ]

  private static func isWithheld(_ feature: String, _ environment: [String: String]) -> Bool {
    guard let level = sets.firstIndex(where: { $0.features.contains(feature) }) else {
      return false
    }
    var last = sets.count
    let limit = environment["ONEDNN_MAX_CPU_ISA"] ?? environment["DNNL_MAX_CPU_ISA"]
    if let index = sets.firstIndex(where: { $0.name == limit?.uppercased() }) {
      last = min(last, index)
    }
    switch environment["ATEN_CPU_CAPABILITY"]?.lowercased() {
    case "default": last = min(last, 0)
    case "avx2": last = min(last, 2)
    default: break
    }
    // AVX512_CORE came before the later extensions of AVX2, which oneDNN does not use then.
    if last < sets.count, sets[last].name == "AVX512_CORE", sets[level].name.hasPrefix("AVX2_") {
      return true
    }
    return level > last
  }

  // MARK: Features as the system reports them

  private static func described() -> (name: String, features: Set<String>) {
    #if canImport(Darwin)
      func text(_ key: String) -> String {
        var size = 0
        guard sysctlbyname(key, nil, &size, nil, 0) == 0, size > 0 else { return "" }
        var bytes = [CChar](repeating: 0, count: size)
        return sysctlbyname(key, &bytes, &size, nil, 0) == 0 ? String(cString: bytes) : ""
      }
      func isOn(_ key: String) -> Bool {
        var (value, size) = (Int32(0), MemoryLayout<Int32>.size)
        return sysctlbyname(key, &value, &size, nil, 0) == 0 && value != 0
      }
      var features: Set<String> = []
      if isOn("hw.optional.arm.FEAT_BF16") { features.insert("bf16") }
      if isOn("hw.optional.arm64") { features.insert("asimd") }
      if isOn("hw.optional.avx2_0") { features.formUnion(["avx2", "fma"]) }
      return (text("machdep.cpu.brand_string"), features)
    #else
      let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
      return parsed(cpuinfo: text)
    #endif
  }

  /// The name and the flags of the first processor in the text of /proc/cpuinfo (x86 and Arm).
  static func parsed(cpuinfo text: String) -> (name: String, features: Set<String>) {
    var name = ""
    var features: Set<String> = []
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      guard parts.count == 2 else { continue }
      if parts[0] == "model name", name.isEmpty { name = parts[1] }
      if ["flags", "Features"].contains(parts[0]), features.isEmpty {
        features = Set(parts[1].split(separator: " ").map(String.init))
      }
    }
    return (name, features)
  }
}
