import Foundation
import Testing
import Torch

@testable import Checkpoints

@Suite struct WriterTests {
  @Test func aFullDiskLeavesTheOldFile() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("model.safetensors")
    try writeSafetensors([("w", Tensor([1, 2] as [Float]))], to: path)
    var room = 300
    let text = message {
      let file = try AtomicFile(path) { descriptor, bytes, count in
        guard room > 0 else {
          errno = ENOSPC
          return -1
        }
        let written = Foundation.write(descriptor, bytes, min(count, room))
        room -= written
        return written
      }
      try writeSafetensors([("w", Tensor.ones([1000]))], metadata: [:], to: file, path)
    }
    #expect(text == "\(path): cannot be written: No space left on device")
    #expect(folder.contents == ["model.safetensors"])
    #expect(try SafetensorsFile(path).tensor("w").floats == [1, 2])
  }

  @Test func refusals() throws {
    let folder = try TemporaryFolder()
    let one = [("w", Tensor.ones([1]))]
    #expect(
      message { try writeSafetensors(one, to: folder.file("no/such/a")) }!.contains("No such file"))
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

  @Test func symbolicLinksAreFollowed() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("latest"), withDestinationPath: folder.file("real"))
    try writeSafetensors([("w", Tensor.ones([1]))], to: folder.file("real"))
    try writeSafetensors([("w", Tensor.zeros([1]))], to: folder.file("latest"))
    #expect(try SafetensorsFile(folder.file("real")).tensor("w").floats == [0])
    #expect(folder.contents == ["latest", "real"])
  }
}
