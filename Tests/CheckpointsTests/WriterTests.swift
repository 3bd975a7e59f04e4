import Foundation
import Testing
import Torch

@testable import Checkpoints

@Suite struct WriterTests {
  @Test func refusals() throws {
    let folder = try TemporaryFolder()
    let one = [("w", Tensor.ones([1]))]
    #expect(
      message { try writeSafetensors(one, to: folder.file("no/such/a")) }!
        .contains("the folder does not exist"))
    #expect(message { try writeSafetensors(one, to: folder.path) }!.contains("it is a folder"))
    #expect(
      message { try writeSafetensors(one + one, to: folder.file("a")) }!
        .contains("two tensors would be called 'w'"))
    #expect(
      message { try writeSafetensors([("__metadata__", Tensor.ones([1]))], to: folder.file("a")) }
        != nil)
    #expect(folder.contents.isEmpty)
  }

  @Test func bytesAreReproducibleAndAligned() throws {
    let folder = try TemporaryFolder()
    let tensors = [
      ("byte", Tensor([1, 2, 3] as [UInt8])), ("half", Tensor.ones([3]).to(.bfloat16)),
      ("wide", Tensor([4] as [Int64])),
    ]
    for name in ["a", "b"] {
      try writeSafetensors(tensors, metadata: ["z": "1", "y": "2"], to: folder.file(name))
    }
    let data = try ["a", "b"].map { try Data(contentsOf: URL(fileURLWithPath: folder.file($0))) }
    #expect(data[0] == data[1])
    #expect(data[0][0] % 8 == 0)
    let file = try SafetensorsFile(folder.file("a"))
    #expect(file.names == ["wide", "half", "byte"])
  }
}
