import Foundation
import Imaging
import ModelTestSupport
import NSARM
import SuperResolution
import Testing

@testable import Upscaling

@Suite struct ImageTests {
  /// A picture in memory becomes what its file would.
  @Test(arguments: ColorMode.allCases, [OutputSize.scale(4), .longSide(121)])
  func memoryIsAsFiles(_ color: ColorMode, size: OutputSize) async throws {
    let folder = NSTemporaryDirectory() + "/nsarm-image-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var planes = FloatImage(width: 40, height: 30, channels: 3)
    for i in planes.values.indices { planes.values[i] = 0.5 + 0.4 * sin(Float(i) / 17) }
    let image = Image(planes)
    try image.write(to: folder + "/a.png")

    let upscaler = PhotoUpscaler(try SuperResolver(try TinyModel.make()))
    var options = PhotoUpscaler.Options()
    options.size = size
    options.color = color
    options.resolver.seed = 7
    try upscaler(folder + "/a.png", to: folder + "/b.png", options)
    let file = try ImageFile.read(folder + "/b.png")
    let memory = try upscaler(image, options)
    #expect(memory.width == (size == .scale(4) ? 160 : 121) && memory.rect == file.rect)
    #expect(memory.channels == 3)
    #expect(try await upscaler.restored(image, options) == memory)
    let largest = zip(memory.bytes, file.bytes).map { abs(Int($0) - Int($1)) }.max()!
    // On the way to a file, instance normalisation keeps rows in 16 bit.
    #expect(largest <= (color == .none ? 0 : 1))
  }
}
