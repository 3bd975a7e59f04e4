import Files
import Foundation
import Synchronization
import TestSupport
import Testing

/// Work that several processes share; here each share is one of a process.
@Suite(.ownThreads) struct WorkShareTests {
  private let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  private func share(
    _ count: Int = 6, rank: Int = 0, of size: Int = 2, lease: Double = 0.6,
    settings: [String: String] = ["--scale": "4"], isMissing: (Int) -> Bool = { _ in false }
  ) throws -> WorkShare {
    try WorkShare(
      folder.path, settings: settings, units: (0..<count).map { "picture \($0)" }, rank: rank,
      of: size, lease: lease, isMissing: isMissing)
  }

  @Test func everyUnitIsDoneOnceUnderContention() throws {
    let (size, count) = (8, 64)
    let done = Mutex<[Int]>([])
    let problems = Mutex<[String]>([])
    DispatchQueue.concurrentPerform(iterations: size) { rank in
      do {
        let share = try share(count, rank: rank, of: size, lease: 30)
        while let claim = try share.next() {
          done.withLock { $0.append(claim.index) }
          guard try share.finish(claim, .done, payload: "\(claim.index)") else {
            problems.withLock { $0.append("\(claim.index) was lost") }
            continue
          }
        }
        let outcomes = share.outcomes.compactMap { $0?.payload }
        if outcomes != (0..<count).map(String.init) {
          problems.withLock { $0.append("rank \(rank) knows \(outcomes)") }
        }
      } catch {
        problems.withLock { $0.append("\(error)") }
      }
    }
    #expect(problems.withLock { $0 } == [])
    #expect(done.withLock { $0.sorted() } == Array(0..<count))
  }

  @Test func ranksBeginAtDifferentPlaces() throws {
    let (first, second) = (try share(), try share(rank: 1))
    #expect(try first.next()?.index == 0)
    #expect(try second.next()?.index == 3)
  }

  @Test func whatADeadProcessHadIsTakenOver() throws {
    let dead = try share(3)
    let lost = try #require(try dead.next())
    dead.end()  // no sign of life from now on
    let living = try share(3, rank: 1)
    var claims: [WorkShare.Claim] = []
    while let claim = try living.next() {
      claims.append(claim)
      #expect(try living.finish(claim, .done))
    }
    #expect(claims.map(\.index).sorted() == [0, 1, 2] && claims.last?.index == lost.index)
    #expect(claims.map { $0.abandonedBy != nil } == [false, false, true])
    #expect(claims.last?.abandonedBy == dead.worker)
    // It was only cut off, and comes back late.
    #expect(!dead.holds(lost))
    #expect(try !dead.finish(lost, .failed, payload: "late"))
    #expect(dead.outcomes[lost.index]?.state == .done)
    #expect(try dead.next() == nil)
    #expect(living.outcomes.map { $0?.worker } == Array(repeating: living.worker, count: 3))
  }

  @Test func whoLivesKeepsItsClaim() throws {
    let slow = try share(1, lease: 3)
    let claim = try #require(try slow.next())
    let other = try share(1, rank: 1, lease: 3)
    let end = SuspendingClock.now + .seconds(5)
    #expect(throws: CancellationError.self) { try other.next { SuspendingClock.now > end } }
    #expect(slow.holds(claim))
    #expect(try slow.finish(claim, .skipped))
    #expect(try other.next() == nil)
    #expect(other.outcomes[0]?.state == .skipped && other.outcomes[0]?.worker == slow.worker)
  }

  @Test func whatIsGivenBackIsFreeAtOnce() throws {
    let (first, second) = (try share(1, lease: 3600), try share(1, rank: 1, lease: 3600))
    try first.release(try #require(try first.next()))
    let claim = try #require(try second.next())
    #expect(claim.abandonedBy == nil)
    #expect(try second.finish(claim, .done))
    #expect(try first.next() == nil)
  }

  @Test func aLaterRunDoesWhatFailedAndWhatIsGone() throws {
    let first = try share(4)
    let witness = try share(4, rank: 1)
    while let claim = try first.next() {
      try first.finish(claim, [.skipped, .failed, .skipped, .done][claim.index], payload: "first")
    }
    #expect(try witness.next() == nil, "a failure is not tried again in the same run")
    let later = try share(4) { $0 == 2 }
    var indices: [Int] = []
    while let claim = try later.next() {
      indices.append(claim.index)
      #expect(claim.abandonedBy == nil)
      try later.finish(claim, .done, payload: "later")
    }
    #expect(indices == [1, 2])
    #expect(later.outcomes.map { $0?.payload } == ["first", "later", "later", "first"])
    // More work than the first run knew of.
    let larger = try share(5)
    #expect(try larger.next()?.index == 4)
  }

  @Test func otherSettingsAreRefused() throws {
    _ = try share(settings: ["--scale": "4", "--seed": "1"])
    let error = #expect(throws: WorkShareError.self) {
      try share(rank: 1, settings: ["--scale": "2", "--seed": "1"])
    }
    #expect(error?.description.contains("(--scale 4, now 2)") == true)
    try FileManager.default.removeItem(atPath: folder(WorkShare.folderName))
    _ = try share(settings: ["--scale": "2"])
    _ = try folder.write("\(WorkShare.folderName)/settings.json", Array("{".utf8))
    #expect(throws: WorkShareError.damaged(folder: folder(WorkShare.folderName))) { try share() }
  }

  @Test func damagedEntriesAreNamed() throws {
    let first = try share(1)
    let claim = try #require(try first.next())
    try first.finish(claim, .done)
    for name in folder.contents where name.hasSuffix("-2") { _ = try folder.write(name, [0x7b]) }
    let error = #expect(throws: FileError.self) { try share(1, rank: 1) }
    #expect(error?.description.contains("remove") == true)
  }

  @Test func nothingOfAProcessIsLeftButItsEntries() throws {
    let share = try share(2)
    while let claim = try share.next() { try share.finish(claim, .done) }
    share.end()
    #expect(folder.contents.count == 5, "two claims, two ends and the settings")
    #expect(folder.contents.allSatisfy { !$0.hasSuffix(".beat") && !$0.hasSuffix(".entry") })
  }
}
