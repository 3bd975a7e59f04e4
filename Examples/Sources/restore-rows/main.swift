// Restores a photo as a stream: finished rows are written while the next ones are computed.
// restore-rows PHOTO OUTPUT
import Foundation
import Imaging
import NSARM
import SuperResolution

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count == 2, let photo = arguments.first, let output = arguments.last else {
  print("usage: restore-rows PHOTO OUTPUT")
  exit(64)
}

let resolver = try await SuperResolver(model: .nano)
let picture = try ImageFile.readRGB(photo)
let scale = resolver.model.configuration.scale
let writer = try ImageWriter(
  output, width: picture.width * scale, height: picture.height * scale, channels: 3)

for try await event in resolver.restore(picture.planes().tensor.signed) {
  if case .rows(let first, let strip) = event {  // [3, n, scale · w] in [-1, 1]
    try writer.write(FloatImage(strip.unsigned))
    print("rows \(first) to \(first + strip.shape[1] - 1)")
  }
}
try writer.finish()
