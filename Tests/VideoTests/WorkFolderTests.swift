import Files
import TestSupport
import Testing

@testable import Video

/// The unfinished work of a process that loses its claim on an output.
@Suite struct WorkFolderTests {
  private let folder = try! ScratchFolder()
  private let settings = ["--scale": "4"]
  private var output: String { folder("out.mp4") }

  private func open(claim: Int?) throws -> WorkFolder {
    try WorkFolder(
      for: output, at: claim.map { WorkFolder.takeOver(output, claim: $0) }, settings: settings)
  }

  private func commit(_ work: WorkFolder, _ times: [Int64]) throws {
    _ = try folder.write(
      String(work.nextSegment.dropFirst(folder.path.count + 1)), [UInt8(times.count)])
    try work.commit(times: times, timeBase: .init(1, 25), scene: nil)
  }

  /// The owner is only stopped, and holds the folder's lock.
  @Test func aLostFolderIsOutOfItsOwnersReach() throws {
    let owner = try open(claim: 1)
    try commit(owner, [0, 1])
    _ = try folder.write("out.mp4.partial-1/next.nut", [9])
    let successor = try open(claim: 3)
    #expect(successor.frameCount == 2)
    #expect(throws: FileError.self) {
      try owner.commit(times: [2], timeBase: .init(1, 25), scene: nil)
    }
    try commit(successor, [2, 3, 4])
    #expect(successor.frameCount == 5)
    #expect(
      folder.contents
        == ["lock", "segment-0.nut", "segment-1.nut", "work.json"].map { "out.mp4.partial-3/\($0)" }
    )
  }

  @Test func theWorkOfAProcessAloneIsGoneOnWith() throws {
    try commit(try open(claim: nil), [0, 1, 2])
    #expect(folder.entries == ["out.mp4.partial"])
    let shared = try open(claim: 1)
    #expect(shared.frameCount == 3 && folder.entries == ["out.mp4.partial-1"])
    shared.remove()
    #expect(try open(claim: 2).frameCount == 0)
  }

  @Test func aFolderInUseIsRefusedToAProcessAlone() throws {
    let owner = try open(claim: nil)
    #expect(throws: VideoError.self) { try open(claim: nil) }
    try commit(owner, [0])
  }
}
