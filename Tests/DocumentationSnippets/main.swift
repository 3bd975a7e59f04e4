// Runs all code that the documentation shows, in a folder that Tests/DocumentationTests prepares.
import Foundation
import Imaging
import NSARM
import SuperResolution
import Torch

try await readme()
try FileManager.default.removeItem(atPath: "holiday_x4.png")
try await photo()
try await photos()
try await folder()
try await cancelled()
precondition(!FileManager.default.fileExists(atPath: "unwanted.png"))

let small = Tensor.zeros([3, 24, 32])
let enlarged = try resolver(small)
precondition(enlarged.shape == [3, 96, 128])
nonisolated(unsafe) var shown: [Int]?
try await restoration(small) { shown = $0.shape }
precondition(shown == [3, 96, 128])
try await tensors(small)
try policy()
try loading()
var options = SuperResolver.Options()
try promptEncoder(channels: 128, &options)
precondition(options.text != nil)
try settings(heads: 8)
do {
  try settings(heads: 0)
  preconditionFailure("no error")
} catch {
  precondition("\(error)".contains("'transformer.heads' is 0; 1 to 256 are allowed"))
}

try evaluation()
let original = try ImageFile.readRGB("original.png")
try scores(original, original)
try peerCommand()
try writer([FloatImage](repeating: FloatImage(width: 4096, height: 768, channels: 3), count: 4))
try resizedWindow(try ImageFile.open("landscape.png"))
print("every snippet has run")
