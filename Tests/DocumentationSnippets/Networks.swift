import Foundation
import NSARM
import Prompts
import Settings
import SuperResolution
import Torch

/// `SuperResolver`.
func resolver(_ lowQuality: Tensor) throws -> Tensor {
  let resolver = try SuperResolver(ModelFolder("Models/nano").load())
  let picture = try resolver.upscaled(lowQuality)  // [3, h, w] in [-1, 1] → [3, 4 h, 4 w]
  return picture
}

/// `SuperResolver.restore`.
func restoration(_ picture: Tensor, show: (Tensor) -> Void) async throws {
  let resolver = try await SuperResolver(model: .nano)
  for try await event in resolver.restore(picture) {
    if case .finished(let restored) = event { show(restored) }
  }
}

/// `PromptEncoder`.
func promptEncoder(channels: Int, _ options: inout SuperResolver.Options) throws {
  let encoder = try PromptEncoder("Models/8b/text-encoder", channels: channels)
  options.text = try encoder(["a stone bridge"])["a stone bridge"]
}

/// `SettingsCheck`.
func settings(heads: Int) throws {
  let check = SettingsCheck() / "transformer"
  try check("heads", heads, 1...256)  // 'transformer.heads' is 0; 1 to 256 are allowed
}
