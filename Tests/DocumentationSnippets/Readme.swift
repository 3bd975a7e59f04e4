import NSARM
import SuperResolution
import Torch
import Upscaling

/// The README.
func readme() async throws {
  let upscaler = try await PhotoUpscaler(model: .nano)  // or a folder: "models/nsarm-8b"

  // From file to file, any size, in bounded memory; leaving the loop or cancelling ends the work.
  for try await event in upscaler.restore("holiday.jpg", to: "holiday_x4.png") {
    if case .progress(let share) = event { print("\(Int(share * 100)) %") }
  }

  // Or tensors: RGB in [-1, 1], [3, h, w] → [3, 4 h, 4 w]; both ways without concurrency as well.
  let resolver = try SuperResolver(ModelFolder("Models/nano").load())
  let restored = try resolver.upscaled(Tensor.zeros([3, 48, 64]))
  try PhotoUpscaler(resolver)("holiday.jpg", to: "holiday_x4.webp") { print("\(Int($0 * 100)) %") }
  precondition(restored.shape == [3, 192, 256])
}
