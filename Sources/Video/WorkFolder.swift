import Checkpoints
import Files
import Foundation
import Torch

/// The unfinished work for an output, in a folder beside it: the encoded segments and the scene at
/// their end, from which an interrupted run resumes.
final class WorkFolder {
  /// The index of the complete segments; written last, so that it is always true.
  private struct Manifest: Codable, Equatable {
    /// Everything that the result depends on.
    var settings: [String: String]
    /// The number of frames of each segment.
    var segments: [Int] = []
    /// The time of each frame, in units of the time base from the beginning of the input.
    var times: [Int64] = []
    var timeBase: [Int] = []
  }

  let path: String
  private var manifest: Manifest
  private var lock: Int32 = -1

  /// The folder for an output.
  static func path(for output: String) -> String { output + ".partial" }

  /// Takes the folder of a process that has lost its claim on an output, which may be stopped or
  /// cut off rather than dead: under another name it is out of that process's reach.
  ///
  /// - Parameter number: that of the claim, which grows with every one on the output.
  /// - Returns: the folder's path from now on.
  static func takeOver(_ output: String, claim number: Int) -> String {
    let own = "\(path(for: output))-\(number)"
    guard !isFolder(own) else { return own }
    for earlier in stride(from: number - 1, through: 0, by: -1) {
      let other = earlier == 0 ? path(for: output) : "\(path(for: output))-\(earlier)"
      guard rename(other, own) == 0 else { continue }
      // Its owner may still hold the lock.
      unlink(own + "/lock")
      break
    }
    return own
  }

  /// Opens the folder, or creates it.
  /// - Parameter path: the folder's path; nil: the usual one for the output.
  /// - Throws: `VideoError` if it belongs to another input or other settings, or is in use.
  init(for output: String, at path: String? = nil, settings: [String: String]) throws {
    let path = path ?? Self.path(for: output)
    self.path = path
    manifest = Manifest(settings: settings)
    let file = path + "/work.json"
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    } catch {
      guard isFolder(path) else {
        let parent = parentFolder(of: path)
        guard isFolder(parent) else { throw FileError.missingFolder(path: parent) }
        throw FileError.unwritable(path: path, reason: "the folder cannot be created")
      }
    }
    lock = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      throw VideoError(path, "another nsarm is working on this video; wait for it or stop it")
    }
    if let data = FileManager.default.contents(atPath: file) {
      guard let earlier = try? JSONDecoder().decode(Manifest.self, from: data) else {
        throw VideoError(path, "work.json is damaged; remove the folder to start over")
      }
      let keys = Set(earlier.settings.keys).union(settings.keys).sorted()
      if let key = keys.first(where: { earlier.settings[$0] != settings[$0] }) {
        throw VideoError(
          path,
          "an earlier run stopped here with another \(key)"
            + (earlier.settings[key].map { $0.count < 40 ? " (\($0))" : "" } ?? "")
            + "; give the same options to resume, or remove the folder to start over")
      }
      manifest = earlier
    } else {
      guard entries.allSatisfy({ $0 == "lock" }) else {
        throw VideoError(path, "is not the folder of an earlier run; remove or rename it")
      }
      try save()
    }
    try removeUnfinished()
  }

  deinit { if lock >= 0 { close(lock) } }

  // MARK: State

  var frameCount: Int { manifest.times.count }
  var timeBase: VideoProperties.Ratio? {
    manifest.timeBase.count == 2
      ? VideoProperties.Ratio(manifest.timeBase[0], manifest.timeBase[1]) : nil
  }
  var firstTime: Int64? { manifest.times.first }
  /// The time from the first frame to the last.
  var length: Int64 { (manifest.times.last ?? 0) - (manifest.times.first ?? 0) }

  /// The scene after the last segment, if frames are kept consistent.
  func scene() throws -> Scene? {
    let file = statePath(manifest.segments.count - 1)
    guard FileManager.default.fileExists(atPath: file) else { return nil }
    let tensors = try SafetensorsFile(file)
    let names = Set(tensors.names)
    guard let scene = Scene({ names.contains($0) ? try? tensors.tensor($0).cloned() : nil }) else {
      throw VideoError(file, "is damaged; remove \(path) to start over")
    }
    return scene
  }

  // MARK: Progress

  /// The path for the next segment.
  var nextSegment: String { "\(path)/next.nut" }

  /// Adds the next segment, which is complete.
  func commit(times: [Int64], timeBase: VideoProperties.Ratio, scene: Scene?) throws {
    let index = manifest.segments.count
    if let scene { try writeSafetensors(scene.tensors(), to: statePath(index)) }
    guard rename(nextSegment, segmentPath(index)) == 0 else {
      throw FileError.unwritable(
        path: segmentPath(index), reason: String(cString: strerror(errno)))
    }
    manifest.segments.append(times.count)
    manifest.times += times
    manifest.timeBase = [timeBase.numerator, timeBase.denominator]
    try save()
    if index > 0 { unlink(statePath(index - 1)) }
  }

  /// Writes a list of all segments for ffmpeg's demuxer concat. A segment lasts until the next
  /// one's first frame; times are rounded to microseconds from the beginning, so that errors do not
  /// accumulate.
  func writeList() throws -> String {
    let base = timeBase?.value ?? 1
    func microseconds(_ frame: Int) -> Int64 {
      Int64((Double(manifest.times[frame] - manifest.times[0]) * base * 1e6).rounded())
    }
    var text = "ffconcat version 1.0\n"
    var first = 0
    for (index, count) in manifest.segments.enumerated() {
      text += "file \((segmentPath(index) as NSString).lastPathComponent)\n"
      if index + 1 < manifest.segments.count {
        text += "duration \(microseconds(first + count) - microseconds(first))us\n"
      }
      first += count
    }
    let list = path + "/segments.ffconcat"
    try AtomicFile.write(Data(text.utf8), to: list)
    return list
  }

  /// Removes the folder with all work in it.
  func remove() { try? FileManager.default.removeItem(atPath: path) }

  /// Removes the folder if it contains nothing to resume from.
  func removeIfEmpty() { if manifest.segments.isEmpty { remove() } }

  private var entries: [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
  }

  private func segmentPath(_ index: Int) -> String { "\(path)/segment-\(index).nut" }
  private func statePath(_ index: Int) -> String { "\(path)/scene-\(index).safetensors" }

  private func save() throws {
    try AtomicFile.write(JSONEncoder().encode(manifest), to: path + "/work.json")
  }

  /// Removes the file that a killed run was writing.
  private func removeUnfinished() throws {
    let count = manifest.segments.count
    let kept =
      ["lock", "work.json", (statePath(count - 1) as NSString).lastPathComponent]
      + (0..<count).map { (segmentPath($0) as NSString).lastPathComponent }
    let present = Set(entries)
    for name in present.subtracting(kept) { unlink("\(path)/\(name)") }
    for index in 0..<count where !present.contains("segment-\(index).nut") {
      throw VideoError(path, "segment-\(index).nut is missing; remove the folder to start over")
    }
  }
}
