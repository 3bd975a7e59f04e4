import Foundation
import Imaging
import Testing
import Torch

@testable import Training

@Suite struct DataTests {
  @Test func samplesDependOnTheIndexOnly() throws {
    let folder = try photos(3, width: 96, height: 64)
    let one = try PhotoDataset(
      folder: folder.path, settings: settings(), scale: 4, seed: 5
    ) { _ in }
    let two = try PhotoDataset(
      folder: folder.path, settings: settings { $0.cacheMebibytes = 0 }, scale: 4, seed: 5
    ) { _ in }
    let forward = try (0..<6).map { try one.pair($0) }
    let backward = try (0..<6).reversed().map { try two.pair($0) }.reversed()
    for (a, b) in zip(forward, backward) {
      #expect(a.highQuality == b.highQuality && a.lowQuality == b.lowQuality && a.seed == b.seed)
      #expect(a.highQuality.count == 3 * 32 * 32 && a.lowQuality.count == 3 * 8 * 8)
      #expect(a.highQuality.allSatisfy { abs($0) <= 1 } && a.lowQuality.allSatisfy { abs($0) <= 1 })
    }
    #expect(Set(forward.map(\.seed)).count == 6)
    let other = try PhotoDataset(
      folder: folder.path, settings: settings(), scale: 4, seed: 6
    ) { _ in }
    #expect(try other.pair(0).highQuality != forward[0].highQuality)
  }

  @Test func batchesDoNotDependOnThreads() throws {
    let folder = try photos(3, width: 80, height: 64)
    let dataset = try PhotoDataset(
      folder: folder.path, settings: settings { $0.degradation = .mix }, scale: 4, seed: 1
    ) { _ in }
    func batches(threads: Int, first: Int, count: Int) throws -> [TrainingBatch] {
      let loader = BatchLoader(dataset, size: 3, first: first, threads: threads, ahead: 2)
      defer { loader.stop() }
      return try (0..<count).map { _ in try loader.next().batch }
    }
    let reference = try batches(threads: 1, first: 0, count: 5)
    for (other, offset) in [
      (try batches(threads: 4, first: 0, count: 5), 0),
      (try batches(threads: 3, first: 2, count: 3), 2),
    ] {
      for (index, batch) in other.enumerated() {
        #expect(batch.highQuality.floats == reference[index + offset].highQuality.floats)
        #expect(batch.lowQuality.floats == reference[index + offset].lowQuality.floats)
        #expect(batch.seeds == reference[index + offset].seeds)
      }
    }
    #expect(reference[0].highQuality.shape == [3, 3, 32, 32])
    #expect(reference[0].lowQuality.shape == [3, 3, 8, 8])
  }

  @Test func aLoaderHandsErrorsOn() throws {
    struct Broken: Error {}
    let loader = BatchLoader(size: 1, first: 0, threads: 2, ahead: 1) { _ in throw Broken() }
    defer { loader.stop() }
    #expect(throws: Broken.self) { try loader.next() }
  }

  @Test func badFilesAreSkippedWithOneWarningEach() throws {
    let folder = try photos(2, width: 64, height: 64)
    try Data("no picture".utf8).write(to: URL(fileURLWithPath: folder / "bad.jpg"))
    let whole = try Data(contentsOf: URL(fileURLWithPath: folder / "photo0.png"))
    try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: folder / "cut.png"))
    try wave(16, 16, kind: 1).write(to: folder / "small.png")
    try Data("notes".utf8).write(to: URL(fileURLWithPath: folder / "notes.txt"))
    let warnings = Warnings()
    let dataset = try PhotoDataset(
      folder: folder.path, settings: settings(), scale: 4, seed: 1
    ) {
      warnings($0)
    }
    for index in 0..<20 { _ = try dataset.pair(index) }
    #expect(warnings.all.count == 3)
    #expect(warnings.all.filter { $0.contains("bad.jpg") }.count == 1)
    #expect(warnings.all.filter { $0.contains("cut.png") }.count == 1)
    #expect(warnings.all.contains { $0.contains("1 pictures smaller than 32 pixels") })
  }

  @Test func foldersWithoutPhotos() throws {
    let folder = try TemporaryFolder()
    let empty = #expect(throws: TrainingError.self) {
      try PhotoDataset(
        folder: folder.path, settings: settings(), scale: 4, seed: 1
      ) { _ in }
    }
    #expect("\(empty!)".contains("holds no picture files"))
    let missing = #expect(throws: TrainingError.self) {
      try PhotoDataset(
        folder: folder / "none", settings: settings(), scale: 4, seed: 1
      ) { _ in }
    }
    #expect("\(missing!)".contains("no such folder"))
  }

  @Test func photosAreChosenByArea() throws {
    let folder = try TemporaryFolder()
    // A large dark and a small bright one: 9 of 10 pixels are dark.
    for (name, side, level) in [("a", 96, UInt8(0)), ("b", 32, UInt8(255))] {
      let samples = [UInt8](repeating: level, count: side * side * 3)
      try Image(width: side, height: side, channels: 3, samples: .u8(samples))
        .write(to: folder / "\(name).png")
    }
    let dataset = try PhotoDataset(
      folder: folder.path, settings: settings { $0.degradation = .bicubic }, scale: 4, seed: 3
    ) { _ in }
    let bright = try (0..<300).filter { try dataset.pair($0).highQuality[0] > 0 }.count
    #expect((12...55).contains(bright))
  }

  @Test func orientations() {
    let planes = (0..<12).map { Float($0) }
    #expect(Array(oriented(planes, 2, 0).prefix(4)) == [0, 1, 2, 3])
    #expect(Array(oriented(planes, 2, 1).prefix(4)) == [1, 0, 3, 2])
    #expect(Array(oriented(planes, 2, 2).prefix(4)) == [2, 3, 0, 1])
    #expect(Array(oriented(planes, 2, 4).prefix(4)) == [0, 2, 1, 3])
    #expect(Set((0..<8).map { oriented(planes, 2, $0) }).count == 8)
  }

  /// Grain comes with a teacher's picture, in training and in validation.
  @Test func grainHasATeacher() throws {
    let folder = try photos(3, width: 64, height: 48)
    let chosen = settings {
      $0.degradation = .grain
      $0.validationCrop = 48
    }
    func source() throws -> PhotoDataset {
      try PhotoDataset(folder: folder.path, settings: chosen, scale: 4, seed: 2) { _ in }
    }
    let (one, two) = try (source(), source())
    #expect(one.hasTeacher)
    for index in 0..<4 {
      let (a, b) = try (one.pair(index), two.pair(index))
      let teacher = try #require(a.teacher)
      #expect(teacher == b.teacher && a.lowQuality == b.lowQuality)
      #expect(teacher != a.highQuality && teacher.allSatisfy { abs($0) <= 1 })
    }
    let validation = try ValidationSet(folder: folder.path, settings: chosen, scale: 4) { _ in }
    #expect(validation.batches[0].teacher?.shape == [3, 3, 48, 48])
  }

  @Test func validationSetsAreFixed() throws {
    let folder = try photos(5, width: 64, height: 48)
    let chosen = settings {
      $0.validationCrop = 48
      $0.validationBatch = 2
    }
    let one = try ValidationSet(folder: folder.path, settings: chosen, scale: 4) { _ in }
    let two = try ValidationSet(folder: folder.path, settings: chosen, scale: 4) { _ in }
    #expect(one.count == 5 && one.batches.map(\.count) == [2, 2, 1])
    #expect(one.batches[0].highQuality.shape == [2, 3, 48, 48])
    #expect(one.preview(3).map(\.count) == [2, 1])
    for (a, b) in zip(one.batches, two.batches) {
      #expect(a.lowQuality.floats == b.lowQuality.floats && a.seeds == b.seeds)
    }
  }
}
