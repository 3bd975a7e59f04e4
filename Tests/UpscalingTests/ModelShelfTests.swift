import Foundation
import ModelTestSupport
import NSARM
import SuperResolution
import TestSupport
import Testing
import Torch

@testable import Upscaling

@Suite struct ModelShelfTests {
  private let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  private func entry(_ name: String, hasTwin: Bool = false) throws -> ModelShelf.Entry {
    let path = folder("Models/\(name)")
    try ModelFolder.write(TinyModel.make(), to: path, provenance: [:])
    if hasTwin {
      try ModelFolder.write(
        TinyModel.make(seed: 2), to: "\(path)/\(ModelFolder.twin)", provenance: [:])
    }
    return ModelShelf.Entry(try ModelFolder(path))
  }

  private func shelf(_ names: [String], twins: [String] = [], limit: Int? = nil) throws
    -> ModelShelf
  {
    let entries = try names.map { try entry($0, hasTwin: twins.contains($0)) }
    var options = ModelShelf.Options()
    options.loader = ModelLoader(.float32, memory: limit.map { .bytes($0) } ?? .unlimited)
    return ModelShelf(entries, standard: entries[0], options)
  }

  @Test func twoAreKept() async throws {
    let shelf = try shelf(["a", "b", "c"])
    #expect(try await shelf.loadedNames() == [])
    let first = try await shelf.model()
    _ = try await shelf.model("b")
    #expect(try await shelf.model("a").upscaler === first.upscaler)
    #expect(try await shelf.loadedNames() == ["b", "a"])
    _ = try await shelf.model("c")
    #expect(try await shelf.loadedNames() == ["a", "c"])
    #expect(try await shelf.model().upscaler === first.upscaler)
  }

  /// Another strength is another set of weights in the same place.
  @Test func aChangeOfStrengthLoadsAgain() async throws {
    let shelf = try shelf(["a", "b"], twins: ["b"])
    _ = try await shelf.model("a")
    func weight(_ strength: Double) async throws -> Tensor {
      let model = try await shelf.model("b", strength: strength).upscaler.resolver.model
      return try #require(model.store.parameters.first { $0.value.rank == 4 }).value
    }
    let (twin, half, whole) = (try await weight(0), try await weight(0.5), try await weight(1))
    #expect(((twin + whole) * 0.5 - half).abs().max().item < 1e-3)
    #expect((twin - whole).abs().max().item > 1e-2)
    #expect(try await shelf.loadedNames() == ["a", "b"])
    let before = try await shelf.model("b").upscaler
    #expect(try await shelf.model("b", strength: 1).upscaler === before)
  }

  /// Of two that do not fit together the one goes that is not wanted.
  @Test func memoryForOneHoldsOne() async throws {
    let estimate = try MemoryEstimate(TinyModel.configuration, .float32)
    let peak = estimate.peak(batch: SuperResolver.Options().batch, blocks: estimate.blockCount)
    let narrow = try shelf(["a", "b"], limit: peak)
    for name in ["a", "b", "a"] {
      _ = try await narrow.model(name)
      #expect(try await narrow.loadedNames() == [name])
    }
    let weights = estimate.weights + estimate.blockCount * estimate.block
    let wide = try shelf(["a", "b"], limit: peak + weights)
    for name in ["a", "b"] { _ = try await wide.model(name) }
    #expect(try await wide.loadedNames() == ["a", "b"])
    await #expect(throws: SuperResolutionError.self) {
      try await shelf(["a"], limit: 1_000_000).model()
    }
  }

  @Test func whatThereIsNotIsTold() throws {
    let shelf = try shelf(["a", "b"], twins: ["b"])
    #expect(try shelf.entry(nil).name == "a" && shelf.entry("b", strength: 0.5).hasDial)
    #expect(throws: ModelShelfError.unknown("c", known: ["a", "b"])) { try shelf.entry("c") }
    #expect(throws: ModelShelfError.noDial("a", withDial: ["b"])) {
      try shelf.entry(nil, strength: 0.5)
    }
  }

  /// The named folder takes the place of another model of its name.
  @Test func theNamedFolderComesFirst() throws {
    let (a, b) = (try entry("a"), try entry("b"))
    let path = folder("mine/b")
    try ModelFolder.write(TinyModel.make(), to: path, provenance: [:])
    let shelf = ModelShelf([a, b], standard: ModelShelf.Entry(try ModelFolder(path + "/")))
    #expect(shelf.entries.map(\.name) == ["a", "b"] && shelf.standard.name == "b")
    #expect(try shelf.entry("b").folder.path == path + "/")
  }

  @Test func modelsAreFoundWhereTheLocatorLooks() throws {
    _ = (try entry("a"), try entry("b"))
    let inner = folder("inner/deeper")
    try ModelFolder.write(TinyModel.make(), to: "\(inner)/Models/a", provenance: [:])
    try FileManager.default.createDirectory(
      atPath: folder("Models/empty"), withIntermediateDirectories: true)
    let found = ModelShelf.found(roots: [inner])
    #expect(found.map(\.name).starts(with: ["a", "b"]))
    #expect(
      try found.prefix(2).map(\.folder.path)
        == ["a", "b"].map { try ModelLocator.find($0, environment: [:], roots: [inner]) })
  }
}
