import Foundation
import TestSupport
import Testing
import Torch

@testable import Checkpoints

/// Mutants of weight files: an error that names the file, or tensors that can be read.
@Suite struct MutantTests {
  /// Opens mutants of `whole`, changed in `range`.
  /// - Returns: how many were accepted.
  private func open(
    _ count: Int, of whole: [UInt8], in range: Range<Int>, seed: UInt64,
    _ body: (String) throws -> Void
  ) throws -> Int {
    let folder = try TemporaryFolder()
    var mutator = Mutator(seed: seed)
    var accepted = 0
    for _ in 0..<Mutator.count(count) {
      let path = try folder.write("mutant", mutator.mutant(of: whole, in: range))
      do {
        try body(path)
        accepted += 1
      } catch let error as CheckpointError {
        #expect(error.file == path && !error.reason.contains("\n"), "\(error)")
      }
    }
    return accepted
  }

  @Test func safetensorsHeaders() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.safetensors")
    try writeSafetensors(
      DType.allCases.map { ("t\($0)", Tensor.ones([2, 3]).to($0)) }, metadata: ["k": "v"], to: path)
    let whole = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    let header = 8 + Int(whole[0]) + Int(whole[1]) << 8
    let accepted = try open(500, of: whole, in: 0..<header, seed: 20) { path in
      let file = try SafetensorsFile(path)
      for name in file.names { _ = bytes(try file.tensor(name)) }
    }
    #expect(accepted < Mutator.count(250))  // names and metadata may change without harm
  }

  @Test(arguments: ["zip.pth", "legacy.pth"])
  func pickles(_ name: String) throws {
    let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/" + name)
    let whole = Array(try Data(contentsOf: fixture))
    _ = try open(500, of: whole, in: 0..<whole.count, seed: 7) { path in
      let checkpoint = try PickleCheckpoint(path)
      for name in checkpoint.names { _ = bytes(try checkpoint.tensor(name)) }
    }
  }

  /// Where the values are that say what is read: the beginning of a file of the old format.
  @Test func pickleHeaders() throws {
    let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/legacy.pth")
    let whole = Array(try Data(contentsOf: fixture))
    _ = try open(500, of: whole, in: 15..<min(600, whole.count), seed: 9) { path in
      let checkpoint = try PickleCheckpoint(path)
      for name in checkpoint.names { _ = bytes(try checkpoint.tensor(name)) }
    }
  }

  @Test func copiesOfALongListAreBounded() throws {
    // OrderedDict([(0, 0)] * 100 000), called again and again in four bytes each.
    var pickle: [UInt8] =
      [0x80, 0x02] + Array("ccollections\nOrderedDict\n".utf8) + [0x71, 1, 0x30]
    pickle += [0x5d, 0x28]  // [ ( mark
    for _ in 0..<100_000 { pickle += [0x4b, 0, 0x4b, 0, 0x86] }  // (0, 0)
    pickle += [0x65, 0x85, 0x71, 2, 0x30]  // e: append all; 1-tuple of arguments
    for _ in 0..<100_000 { pickle += [0x68, 1, 0x68, 2, 0x52, 0x30] }
    let file = legacyCheckpoint(pickle + [0x7d, 0x2e])
    let folder = try TemporaryFolder()
    let path = try folder.write("copies", file)
    #expect(message { _ = try PickleCheckpoint(path) }!.contains("more entries than a model has"))
  }
}
