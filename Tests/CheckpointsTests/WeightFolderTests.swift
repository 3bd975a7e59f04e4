import Foundation
import TestSupport
import Testing
import Torch

@testable import Checkpoints

@Suite struct WeightFolderTests {
  private func pending(_ count: Int) -> [PendingTensors] {
    (0..<count).map { index in
      PendingTensors([
        .init("w\(index)", .float32, [10]), .init("w\(index).n", .uint8, [1]),
      ]) { [Tensor.full([10], Double(index)), Tensor([UInt8(index)])] }
    }
  }

  @Test func shardsAreReadAsOne() throws {
    let folder = try TemporaryFolder()
    var written = 0
    let plan = ShardPlan(pending(7), limit: 100)
    try plan.write(to: folder.path, metadata: ["k": "v"]) { written += $0 }
    #expect(written == plan.byteCount && written == 7 * 41)
    #expect(
      folder.contents == (1...4).map { "model-0000\($0)-of-00004.safetensors" }
        + ["model.safetensors.index.json"])
    let file = try WeightFolder(folder.path).open()
    #expect(Set(file.names) == Set(pending(7).flatMap { $0.entries.map(\.name) }))
    #expect(try file.tensor("w5").floats == [Float](repeating: 5, count: 10))
    #expect(file.shape("w5") == [10] && file.dtype("w5.n") == .uint8 && file.metadata == ["k": "v"])
    #expect(message { _ = try file.tensor("x") }!.contains("has no tensor 'x'"))

    // Memory that was given back is read again.
    file.release("w5")
    #expect(try file.tensor("w5").floats[9] == 5)

    let single = try TemporaryFolder()
    try ShardPlan(pending(7)).write(to: single.path, metadata: [:])
    #expect(single.contents == ["model.safetensors"])
    #expect(try WeightFolder(single.path).open().names.count == 14)
  }

  @Test func whatTheIndexSaysIsChecked() throws {
    let folder = try TemporaryFolder()
    let index = folder.file("model.safetensors.index.json")
    func problem(_ text: String) throws -> String {
      try Data(text.utf8).write(to: URL(fileURLWithPath: index))
      return message { _ = try WeightFolder(folder.path).open() } ?? "accepted"
    }
    try writeSafetensors([("a", Tensor.ones([1]))], to: folder.file("x.safetensors"))
    try writeSafetensors([("b", Tensor.ones([1]))], to: folder.file("y.safetensors"))
    let both = #""a": "x.safetensors", "b": "y.safetensors""#
    #expect(try problem("{\"weight_map\": {\(both)}}") == "accepted")
    for (text, part) in [
      ("[", "is no index of weights"), ("{}", "no 'weight_map'"),
      (#"{"weight_map": {}}"#, "no 'weight_map'"),
      (#"{"weight_map": {"a": 1}}"#, "expected a file beside it"),
      (#"{"weight_map": {"a": "../x.safetensors"}}"#, "expected a file beside it"),
      (#"{"weight_map": {"b": "x.safetensors"}}"#, "does not place tensor 'a'"),
      (#"{"weight_map": {"a": "none.safetensors"}}"#, "No such file"),
      (
        "{\"weight_map\": {\(both), \"c\": \"y.safetensors\"}}",
        "into 'y.safetensors', which lacks it"
      ),
    ] {
      let found = try problem(text)
      #expect(found.contains(part) && !found.contains("\n"), "\(found)")
    }
    #expect(message { _ = try WeightFolder(folder.path + "/none") }!.contains("is there"))
  }

  @Test func mutantsOfAnIndexAreReadOrRefused() throws {
    let folder = try TemporaryFolder()
    try ShardPlan(pending(5), limit: 100).write(to: folder.path, metadata: [:])
    let path = folder.file("model.safetensors.index.json")
    let whole = try String(contentsOfFile: path, encoding: .utf8)
    var mutator = Mutator(seed: 11)
    for _ in 0..<Mutator.count(200) {
      try Data(mutator.mutant(of: whole).utf8).write(to: URL(fileURLWithPath: path))
      do {
        let file = try WeightFolder(folder.path).open()
        for name in file.names { _ = bytes(try file.tensor(name)) }
      } catch let error as CheckpointError {
        #expect(!error.description.contains("\n"))
      }
    }
  }

  @Test func twoFilesMayNotHoldOneTensor() throws {
    let folder = try TemporaryFolder()
    let paths = ["x", "y"].map { folder.file("\($0).safetensors") }
    for path in paths { try writeSafetensors([("a", Tensor.ones([1]))], to: path) }
    #expect(
      message { _ = try CheckpointFiles(paths).open() }!
        .contains("holds tensor 'a', and so does"))
    #expect(message { _ = try CheckpointFiles([paths[0], paths[0]]) }!.contains("named twice"))
    #expect(message { _ = try CheckpointFiles([paths[0], folder.path]) }!.contains("is a folder"))
    #expect(message { _ = try CheckpointFiles([]) } != nil)
  }
}
