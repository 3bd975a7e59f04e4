import Torch

/// The normalisation in the blocks of the autoencoder.
public enum Normalization: String, CaseIterable, Codable, Sendable {
  /// GroupNorm with 32 groups (24 where 32 does not divide the width): published tokenizers.
  case group
  /// Layer normalisation over the channels of each position: the picture then depends on a bounded
  /// neighbourhood only, so that tiles agree with the whole.
  case channel
}

/// Normalisation of `[B, C, H, W]` with an affine map per channel.
struct Norm {
  let weight, bias: Parameter
  let kind: Normalization
  let groups: Int

  init(_ channels: Int, _ kind: Normalization, _ p: ParameterScope) throws {
    let p = p / "norm"
    weight = try p("weight", [channels], .vector, .ones)
    bias = try p("bias", [channels], .vector, .zeros)
    self.kind = kind
    groups = Norm.groups(channels)
  }

  /// The groups of GroupNorm, which have to divide the channels.
  static func groups(_ channels: Int) -> Int { channels % 32 == 0 ? 32 : 24 }

  func callAsFunction(_ x: Tensor) -> Tensor {
    switch kind {
    case .group:
      x.groupNorm(groups, weight.value, bias.value, epsilon: 1e-6)
    case .channel:
      x.channelNorm(weight.value, bias.value, epsilon: 1e-6)
    }
  }

  /// swish(norm(x)) as the input of `next`.
  func swish(_ x: Tensor, for next: Conv2d) -> Tensor {
    guard kind == .channel else {
      return x.groupNorm(groups, weight.value, bias.value, epsilon: 1e-6, silu: true)
    }
    if let range = next.weight.inputRange {
      return x.channelNormQuantized(
        weight.value, bias.value, epsilon: 1e-6, silu: true, scale: range.scale,
        zeroPoint: range.zeroPoint)
    }
    return x.channelNorm(weight.value, bias.value, epsilon: 1e-6, silu: true)
  }
}

/// x + conv2(swish(norm2(conv1(swish(norm1(x)))))), with a 1x1 shortcut where the widths differ.
///
/// # Shapes
/// `[B, I, H, W]` → `[B, O, H, W]`.
struct ResnetBlock {
  let norm1, norm2: Norm
  let conv1, conv2: Conv2d
  let shortcut: Conv2d?

  /// - Parameter role: of its kernels.
  init(
    _ inputs: Int, _ outputs: Int, _ kind: Normalization, role: WeightRole = .kernel.quantizable,
    _ p: ParameterScope
  ) throws {
    norm1 = try Norm(inputs, kind, p / "norm1")
    conv1 = try Conv2d(inputs, outputs, role: role, p / "conv1" / "conv")
    norm2 = try Norm(outputs, kind, p / "norm2")
    conv2 = try Conv2d(outputs, outputs, role: role, gain: 0.5, p / "conv2" / "conv")
    shortcut =
      inputs == outputs
      ? nil : try Conv2d(inputs, outputs, kernel: 1, role: role, p / "nin_shortcut" / "conv")
  }

  /// Floating-point operations per position.
  var operations: Double {
    conv1.operations + conv2.operations + (shortcut?.operations ?? 0)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let h = norm2.swish(conv1(norm1.swish(x, for: conv1)), for: conv2)
    return conv2(h, plus: shortcut?(x) ?? x)
  }
}

/// The two blocks at the lowest resolution.
struct MiddleBlocks {
  let block1, block2: ResnetBlock

  init(
    _ channels: Int, _ kind: Normalization, role: WeightRole = .kernel.quantizable,
    _ p: ParameterScope
  ) throws {
    block1 = try ResnetBlock(channels, channels, kind, role: role, p / "block_1")
    block2 = try ResnetBlock(channels, channels, kind, role: role, p / "block_2")
  }

  /// Floating-point operations per position.
  var operations: Double { block1.operations + block2.operations }

  func callAsFunction(_ x: Tensor) -> Tensor { block2(block1(x)) }
}
