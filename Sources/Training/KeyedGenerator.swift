/// SplitMix64 (Steele et al., 2014): numbers that depend on a key only, such as (seed, sample index).
struct KeyedGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(_ key: UInt64...) { state = key.reduce(0x6A09_E667_F3BC_C909, mixed) }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return finalized(state)
  }

  /// U[0, 1) with 53 bits.
  mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  mutating func uniform(_ range: ClosedRange<Double>) -> Double {
    range.lowerBound + uniform() * (range.upperBound - range.lowerBound)
  }

  /// 0 ..< bound, each equally likely to within 2^-53.
  mutating func index(_ bound: Int) -> Int { min(Int(uniform() * Double(bound)), bound - 1) }
}

/// A key from two keys.
func mixed(_ a: UInt64, _ b: UInt64) -> UInt64 {
  finalized(finalized(a &+ 0x9E37_79B9_7F4A_7C15) ^ b &* 0xD134_2543_DE82_EF95)
}

private func finalized(_ value: UInt64) -> UInt64 {
  var z = value
  z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
  return z ^ (z >> 31)
}
