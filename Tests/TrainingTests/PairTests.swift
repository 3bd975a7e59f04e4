import Foundation
import Imaging
import Testing
import Torch

@testable import Training

/// Real pairs, teachers, and mixtures of sources.
@Suite struct PairTests {
  private func dataset(
    _ folder: String, seed: UInt64 = 5, _ change: (inout DataSettings) -> Void = { _ in }
  ) throws -> PairDataset {
    try PairDataset(folder: folder, settings: settings(change), scale: 4, seed: seed) { _ in }
  }

  private func message(_ body: () throws -> some Any) -> String {
    do {
      _ = try body()
      return "no error"
    } catch { return "\(error)" }
  }

  /// Every high-quality pixel has the value of the low-quality pixel over it, and the teacher's is
  /// its negative.
  private func agree(_ sample: TrainingPair) -> Bool {
    let (width, height) = (sample.width, sample.height)
    var isRight = sample.lowQuality.count == 3 * (height / 4) * (width / 4)
    for c in 0..<3 {
      for y in 0..<height {
        for x in 0..<width {
          let high = (c * height + y) * width + x
          let low = sample.lowQuality[(c * (height / 4) + y / 4) * (width / 4) + x / 4]
          isRight = isRight && sample.highQuality[high] == low
          if let teacher = sample.teacher { isRight = isRight && abs(teacher[high] + low) < 1e-6 }
        }
      }
    }
    return isRight
  }

  @Test func windowsOfAPairAgreeInEveryOrientation() throws {
    let folder = try pairs(1, width: 20, height: 13)
    let low = try ImageFile.read(folder / "lr/0.png").planes().values
    let upright = try dataset(folder.path) { $0.flips = false }
    let turned = try dataset(folder.path)
    var corners: Set<[Float]> = []
    var orientations: Set<Int> = []
    for index in 0..<100 {
      let (sample, other) = try (upright.pair(index), turned.pair(index))
      #expect(agree(sample) && agree(other) && other.teacher != nil)
      #expect(sample.height == 32 && sample.width == 32)
      corners.insert(Array(sample.lowQuality.prefix(3)))
      // The same window, turned.
      orientations.insert(
        try #require(
          (0..<8).first { oriented(sample.lowQuality, 8, $0) == other.lowQuality }))
    }
    #expect(orientations == Set(0..<8))
    // 13 columns times 6 rows of windows, each a part of the picture.
    var all: Set<[Float]> = []
    for y in 0...5 {
      for x in 0...12 { all.insert(signed(Array(low[y * 20 + x..<y * 20 + x + 3]))) }
    }
    #expect(corners.isSubset(of: all) && corners.count > 40)
  }

  @Test func samplesDependOnTheIndexOnly() throws {
    let folder = try pairs(3)
    let one = try dataset(folder.path)
    let two = try dataset(folder.path) { $0.cacheMebibytes = 0 }
    #expect(one.count == 3 && one.pixels == 3 * 64 * 48 && one.hasTeacher)
    let forward = try (0..<8).map { try one.pair($0) }
    let backward = try (0..<8).reversed().map { try two.pair($0) }.reversed()
    for (a, b) in zip(forward, backward) {
      #expect(a.highQuality == b.highQuality && a.lowQuality == b.lowQuality && a.seed == b.seed)
      #expect(a.teacher == b.teacher)
    }
    #expect(Set(forward.map(\.seed)).count == 8 && Set(forward.map(\.lowQuality)).count > 4)
    let other = try (0..<8).map { try dataset(folder.path, seed: 6).pair($0).lowQuality }
    #expect(other != forward.map(\.lowQuality))
  }

  @Test func withoutATeacherThereIsNone() throws {
    let folder = try pairs(2, teacher: false)
    let source = try dataset(folder.path)
    let samples = try (0..<3).map { try source.pair($0) }
    #expect(!source.hasTeacher && samples.allSatisfy { agree($0) && $0.teacher == nil })
    #expect(TrainingBatch(samples).teacher == nil)
  }

  @Test func batchesCarryTheTeacher() throws {
    let folder = try pairs(2)
    let source = try dataset(folder.path)
    let batch = TrainingBatch(try (0..<3).map { try source.pair($0) }).to(.cpu)
    let teacher = try #require(batch.teacher)
    #expect(teacher.shape == [3, 3, 32, 32])
    #expect(zip(teacher.floats, batch.highQuality.floats).allSatisfy { abs($0 + $1) < 1e-6 })
  }

  @Test func picturesThatDoNotFitAreNamed() throws {
    func problem(_ change: (TemporaryFolder) throws -> Void) throws -> String {
      let folder = try pairs(2)
      try change(folder)
      return message { try dataset(folder.path) }
    }
    func remove(_ name: String) -> (TemporaryFolder) throws -> Void {
      { try FileManager.default.removeItem(atPath: $0 / name) }
    }
    let low = try problem(remove("hr/1.tif"))
    #expect(low.contains("/lr/1.png: has no counterpart in") && low.contains("/hr;"))
    #expect(try problem(remove("lr/0.png")).contains("/hr/0.tif: has no counterpart in"))
    #expect(try problem(remove("teacher/0.png")).contains("/hr/0.tif: has no counterpart in"))
    let several = try problem {
      try remove("lr/0.png")($0)
      try wave(16, 12, kind: 7).write(to: $0 / "lr/7.png")
    }
    #expect(several.contains("/hr/0.tif: has no counterpart in"))
    #expect(try problem(remove("hr")).contains("/lr: has no folder 'hr' beside it"))
    #expect(try problem(remove("lr")).contains("expected in folders 'lr' and 'hr'"))
    let size = try problem {
      try wave(64, 44, kind: 0).write(to: $0 / "hr/0.tif", overwrite: true)
    }
    #expect(size.contains("/hr/0.tif: is 64x44 pixels, which is not 4 times"))
    #expect(size.contains("/lr/0.png with 16x12"))
    let teacher = try problem {
      try wave(32, 24, kind: 0).write(to: $0 / "teacher/1.png", overwrite: true)
    }
    #expect(teacher.contains("/teacher/1.png: is 32x24 pixels, but"))
    let twice = try problem { try wave(64, 48, kind: 0).write(to: $0 / "hr/0.png") }
    #expect(twice.contains("has the same name as"))
    let empty = try TemporaryFolder()
    for name in ["lr", "hr"] {
      try FileManager.default.createDirectory(
        atPath: empty / name, withIntermediateDirectories: true)
    }
    #expect(message { try dataset(empty.path) }.contains("/hr: holds no picture files"))
  }

  @Test func damagedAndSmallPairsAreSkippedWithOneWarningEach() throws {
    let folder = try pairs(4)
    try Data("no picture".utf8).write(to: URL(fileURLWithPath: folder / "lr/0.png"))
    let whole = try Data(contentsOf: URL(fileURLWithPath: folder / "teacher/1.png"))
    try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: folder / "teacher/1.png"))
    try writePair(2, width: 7, height: 12, in: folder)
    let warnings = Warnings()
    let source = try PairDataset(
      folder: folder.path, settings: settings(), scale: 4, seed: 1, warn: warnings.callAsFunction)
    #expect(try (0..<20).allSatisfy { agree(try source.pair($0)) })
    #expect(warnings.all.count == 3)
    #expect(warnings.all.filter { $0.contains("lr/0.png") }.count == 1)
    #expect(warnings.all.filter { $0.contains("teacher/1.png") }.count == 1)
    #expect(warnings.all.contains { $0.contains("1 pictures smaller than 32 pixels") })
  }

  @Test func flatWindowsAreDrawnAgain() throws {
    let folder = try pairs(1, width: 40, height: 8)
    // The left half is black.
    for (name, width) in [("lr/0.png", 40), ("hr/0.tif", 160), ("teacher/0.png", 160)] {
      var image = try ImageFile.read(folder / name)
      var bytes = image.bytes
      for i in bytes.indices where i / 3 % width < width / 2 {
        bytes[i] = name == "teacher/0.png" ? 255 : 0
      }
      image.samples = .u8(bytes)
      try image.write(to: folder / name, overwrite: true)
    }
    func flat(retries: Int) throws -> Int {
      let source = try dataset(folder.path) { ($0.flatThreshold, $0.flatRetries) = (0.02, retries) }
      return try (0..<50).filter { try source.pair($0).highQuality.allSatisfy { $0 == -1 } }.count
    }
    #expect(try flat(retries: 0) > 10)
    #expect(try flat(retries: 20) == 0)
  }

  @Test func mixturesGiveEverySampleATeacher() throws {
    let (photos, pairs) = (try photos(2, width: 48, height: 48), try pairs(2))
    let folders = [DataFolder(path: photos.path, weight: 3), DataFolder(path: pairs.path)]
    let chosen = settings { $0.degradation = .bicubic }
    func source(_ seed: UInt64) throws -> any TrainingSource {
      try makeTrainingSource(folders, settings: chosen, scale: 4, seed: seed) { _ in }
    }
    let mixture = try source(1)
    #expect(mixture.count == 4 && mixture.hasTeacher)
    let samples = try (0..<200).map { try mixture.pair($0) }
    let real = samples.filter { $0.teacher != $0.highQuality }
    #expect(samples.allSatisfy { $0.teacher != nil } && real.allSatisfy(agree))
    #expect((30...70).contains(real.count))

    // A loader that starts later gives the same batches as an earlier one.
    func batches(first: Int, threads: Int) throws -> [TrainingBatch] {
      let loader = BatchLoader(try source(1), size: 4, first: first, threads: threads, ahead: 2)
      defer { loader.stop() }
      return try (first..<6).map { _ in try loader.next().batch }
    }
    for (a, b) in zip(
      try batches(first: 0, threads: 1).dropFirst(3), try batches(first: 3, threads: 3))
    {
      #expect(a.seeds == b.seeds && a.lowQuality.floats == b.lowQuality.floats)
      #expect(a.highQuality.floats == b.highQuality.floats)
      #expect(a.teacher!.floats == b.teacher!.floats)
    }
    let other = try source(2)
    #expect(try (0..<20).contains { try other.pair($0).lowQuality != samples[$0].lowQuality })
  }

  @Test func resumedRunsOnMixturesEqualUninterruptedOnes() throws {
    let (photos, pairs, output) = (try photos(2), try pairs(2), try TemporaryFolder())
    let folders = [DataFolder(path: pairs.path), DataFolder(path: photos.path, weight: 0.5)]
    let recipe = try TrainingRecipe(
      text: """
        {stage: tiny, steps: 8, batch: 2, accumulation: 2, warmup: 1, precision: float32, preview_every: 0,
         data: {crop: 32, flat_threshold: 0, degradation: mix}}
        """)
    let (whole, stopped, resumed) = (
      try TinyStage(noise: 0.1), try TinyStage(noise: 0.1), try TinyStage(noise: 0.1)
    )
    _ = try trainer(whole, recipe, folders, output / "whole").run()
    let first = try trainer(stopped, recipe, folders, output / "run", stopAfter: 3).run()
    #expect(first == .interrupted(step: 3))
    let second = try trainer(resumed, recipe, folders, output / "run").run()
    #expect(second == .finished(step: 8))
    #expect(try losses(output / "run") == losses(output / "whole"))
    for (a, b) in zip(resumed.store.parameters, whole.store.parameters) {
      #expect(a.value.floats == b.value.floats, "\(a.name)")
    }
  }

  @Test func validationTakesPairsAsTheyAre() throws {
    let folder = try pairs(3, width: 17, height: 12)
    let set = try ValidationSet(
      folder: folder.path,
      settings: settings {
        $0.validationCrop = 40
        $0.validationBatch = 2
      }, scale: 4
    ) { _ in }
    #expect(set.count == 3 && set.batches.map(\.count) == [2, 1])
    let batch = set.batches[0]
    #expect(batch.highQuality.shape == [2, 3, 40, 40] && batch.lowQuality.shape == [2, 3, 10, 10])
    let picture = try ImageFile.read(folder / "lr/0.png")
      .planes(PixelRect(x: 3, y: 1, width: 10, height: 10))
    #expect(batch.lowQuality.selected(0, 0).floats == signed(picture.values))
    let high = try ImageFile.read(folder / "hr/0.tif")
      .planes(PixelRect(x: 12, y: 4, width: 40, height: 40))
    #expect(batch.highQuality.selected(0, 0).floats == signed(high.values))
    #expect(batch.teacher?.shape == [2, 3, 40, 40])
  }

  @Test func foldersWithWeights() throws {
    #expect(try DataFolder(argument: "a/b") == DataFolder(path: "a/b", weight: 1))
    #expect(try DataFolder(argument: "a=b/c=0.5") == DataFolder(path: "a=b/c", weight: 0.5))
    #expect(try DataFolder(argument: "a=b") == DataFolder(path: "a=b", weight: 1))
    for argument in ["a=0", "a=-1", "a=inf", "a=nan"] {
      #expect(message { try DataFolder(argument: argument) }.contains("number above 0"))
    }
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: folder / "x=2", withIntermediateDirectories: true)
    #expect(try DataFolder(argument: folder / "x=2").path == folder / "x=2")
  }
}

/// A folder of pairs in different formats: low-quality noise, its pixels four times as large, and
/// the negative of that as the teacher's.
private func pairs(_ count: Int, width: Int = 16, height: Int = 12, teacher: Bool = true) throws
  -> TemporaryFolder
{
  let folder = try TemporaryFolder()
  for name in ["lr", "hr"] + (teacher ? ["teacher"] : []) {
    try FileManager.default.createDirectory(
      atPath: folder / name, withIntermediateDirectories: true)
  }
  for index in 0..<count {
    try writePair(index, width: width, height: height, teacher: teacher, in: folder)
  }
  return folder
}

private func writePair(
  _ index: Int, width: Int, height: Int, teacher: Bool = true, in folder: TemporaryFolder
) throws {
  var random = RandomStream(UInt64(index))
  let low = (0..<width * height * 3).map { _ in UInt8.random(in: 0...255, using: &random) }
  var high = [UInt8](repeating: 0, count: 16 * low.count)
  for y in 0..<4 * height {
    for x in 0..<4 * width {
      for c in 0..<3 {
        high[(y * 4 * width + x) * 3 + c] = low[((y / 4) * width + x / 4) * 3 + c]
      }
    }
  }
  func write(_ bytes: [UInt8], _ scale: Int, _ name: String) throws {
    try Image(width: scale * width, height: scale * height, channels: 3, samples: .u8(bytes))
      .write(to: folder / name, overwrite: true)
  }
  try write(low, 1, "lr/\(index).png")
  try write(high, 4, "hr/\(index).tif")
  if teacher { try write(high.map { 255 - $0 }, 4, "teacher/\(index).png") }
}
