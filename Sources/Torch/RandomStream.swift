/// Counter-based random numbers (SplitMix64; Steele, Lea, Flood, 2014): value n of a stream is
/// mix(key + (n + 1) · γ). They depend on the stream's key alone, not on threads, time or the
/// platform's generators.
///
/// Each use of randomness has a stream of its own, so that what one draws never shifts another.
public struct RandomStream: RandomNumberGenerator, Sendable {
  private static let increment: UInt64 = 0x9e37_79b9_7f4a_7c15
  private var state: UInt64

  /// The stream with key = mix(mix(seed) + stream · 0xd1b54a32d192ed03).
  public init(seed: UInt64, stream: UInt64) {
    state = Self.mix(Self.mix(seed) &+ stream &* 0xd1b5_4a32_d192_ed03)
  }

  /// The stream of several keys, such as (seed, sample index).
  public init(_ keys: UInt64...) { state = keys.reduce(0x6a09_e667_f3bc_c909, Self.key) }

  /// A key from two keys.
  public static func key(_ a: UInt64, _ b: UInt64) -> UInt64 {
    mix(mix(a &+ increment) ^ b &* 0xd134_2543_de82_ef95)
  }

  /// The output function: a bijection that scrambles all bits.
  @inline(__always)
  public static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  @inline(__always)
  public mutating func next() -> UInt64 {
    state &+= Self.increment
    return Self.mix(state)
  }

  /// U[0, 1), 53 bits.
  @inline(__always)
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// U[lower, upper).
  public mutating func uniform(_ lower: Double, _ upper: Double) -> Double {
    lower + (upper - lower) * uniform()
  }

  /// 0 ..< bound, each equally likely to within 2⁻⁵³.
  public mutating func index(_ bound: Int) -> Int {
    min(Int(uniform() * Double(bound)), bound - 1)
  }

  /// True with the given probability.
  public mutating func chance(_ probability: Double) -> Bool { uniform() < probability }
}
