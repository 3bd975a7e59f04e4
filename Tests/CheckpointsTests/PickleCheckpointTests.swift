import Foundation
import Testing
import Torch

@testable import Checkpoints

@Suite struct PickleCheckpointTests {
  /// A file of the folder Fixtures, whose make.py wrote it with PyTorch.
  private func fixture(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Fixtures/" + name
  }

  @Test(arguments: ["zip.pth", "legacy.pth"])
  func readsWhatTorchSaveWrites(_ name: String) throws {
    let checkpoint = try PickleCheckpoint(fixture(name), prefix: "model.ema")
    let values = (0..<24).map(Float.init)
    #expect(checkpoint.names.first == "fc.weight" && checkpoint.names.count == 16)
    #expect(try checkpoint.tensor("fc.weight").shape == [4, 6])
    #expect(try checkpoint.tensor("fc.weight").floats == values)
    #expect(
      try checkpoint.tensor("fc.transposed").floats == (0..<24).map { values[$0 % 4 * 6 + $0 / 4] })
    #expect(try checkpoint.tensor("fc.part").floats == [8, 9, 10, 14, 15, 16])
    #expect(try checkpoint.tensor("fc.row").floats == Array(values[12..<18]))
    #expect(try checkpoint.tensor("fc.broadcast").floats == [7, 7, 7, 7, 7, 7])
    #expect(try checkpoint.tensor("scalar").shape == [] && checkpoint.tensor("scalar").item == 2.5)
    #expect(try checkpoint.tensor("empty").shape == [0, 3])
    let types: [(String, DType)] = [
      ("float64", .float64), ("float16", .float16), ("bfloat16", .bfloat16), ("int64", .int64),
      ("int32", .int32), ("int16", .int16), ("int8", .int8), ("uint8", .uint8), ("bool", .bool),
    ]
    for (name, dtype) in types {
      let tensor = try checkpoint.tensor(name)
      #expect(
        tensor.dtype == dtype && checkpoint.dtype(name) == dtype && checkpoint.shape(name) == [3])
      #expect(tensor.floats == (dtype == .bool ? [0, 1, 1] : [0, 1, 100]))
    }

    let whole = try PickleCheckpoint(fixture(name))
    #expect(whole.names.count == 19)
    #expect(try whole.tensor("shadow.0").floats == [1, 1])
    #expect(try whole.tensor("optimizer.0").floats == [1])
    let text = message { _ = try PickleCheckpoint(fixture(name), prefix: "state_dict") }
    #expect(text!.contains("no tensors under 'state_dict'; it has: model, optimizer, shadow"))
  }

  @Test func otherProtocolsAndTypes() throws {
    #expect(try PickleCheckpoint(fixture("protocol4.pth")).tensor("w").shape == [4, 6])
    let narrow = try PickleCheckpoint(fixture("float8.pth")).tensor("w")
    #expect(narrow.dtype == .float8E4M3 && narrow.floats == [0, 1, -2])
  }

  @Test func tensorsShareTheMapping() throws {
    let checkpoint = try PickleCheckpoint(fixture("zip.pth"), prefix: "model.ema")
    let whole = try checkpoint.tensor("fc.weight").withBytes { $0.baseAddress! }
    let row = try checkpoint.tensor("fc.row").withBytes { $0.baseAddress! }
    #expect(row - whole == 12 * 4)
  }

  @Test func loadsIntoAModelByEitherFormat() throws {
    let folder = try TemporaryFolder()
    let source = try PickleCheckpoint(fixture("zip.pth"), prefix: "model.ema.fc")
    try writeSafetensors(
      [("weight", try source.tensor("weight"))], to: folder.file("w.safetensors"))
    let sources: [any TensorSource] = [source, try SafetensorsFile(folder.file("w.safetensors"))]
    for source in sources {
      let store = ParameterStore(source)
      let layer = try Linear(6, 4, bias: false, store.root)
      try store.validate(ignoring: { $0 != "weight" })
      #expect(layer.weight.value.floats == (0..<24).map(Float.init))
    }
  }

  @Test func aHostilePickleIsRefused() throws {
    let path = fixture("hostile.pth")
    let text = try #require(message { _ = try PickleCheckpoint(path) })
    #expect(
      text.hasPrefix("\(path): asks for 'posix.system', which is refused") && !text.contains("\n"))
  }

  @Test func deepAndCircularPicklesAreRefused() throws {
    let folder = try TemporaryFolder()
    let one = [UInt8](repeating: 0x85, count: 200_000)  // a tuple in a tuple in a ...
    let circle: [UInt8] = [0x5d, 0x71, 0, 0x68, 0, 0x61]  // a list that holds itself
    // d0 = {0: d1, 1: d1}, d1 = {0: d2, 1: d2}, ...: 2^40 paths
    var doubling: [UInt8] = [0x7d]
    for _ in 0..<40 {
      doubling += [0x71, 1, 0x30, 0x7d, 0x28, 0x4b, 0, 0x68, 1, 0x4b, 1, 0x68, 1, 0x75]
    }
    for (name, pickle) in [("deep", [0x29] + one), ("circle", circle), ("doubling", doubling)] {
      let path = try folder.write(name, legacyCheckpoint([0x80, 0x02] + pickle + [0x2e]))
      #expect(message { _ = try PickleCheckpoint(path) }!.contains("nested too deeply"), "\(name)")
    }
  }

  @Test(arguments: ["zip.pth", "legacy.pth"])
  func truncatedFilesAreRefused(_ name: String) throws {
    let folder = try TemporaryFolder()
    let whole = Array(try Data(contentsOf: URL(fileURLWithPath: fixture(name))))
    for length in stride(from: 0, to: whole.count, by: 37) {
      let path = try folder.write("short", Array(whole.prefix(length)))
      #expect(message { _ = try PickleCheckpoint(path) } != nil, "\(length) bytes were accepted")
    }
  }
}
