import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Files

@Suite(.ownThreads) struct ShareJournalTests {
  private let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  @Test func oneOfManyAppends() throws {
    let journal = try ShareJournal(folder("share"))
    for number in 1...20 {
      let winners = Mutex<[ShareWorker]>([])
      DispatchQueue.concurrentPerform(iterations: 12) { rank in
        let entry = ShareJournal.Entry(state: .claimed, worker: ShareWorker(rank: rank))
        if (try? journal.append(entry, "a", number)) == true {
          winners.withLock { $0.append(entry.worker) }
        }
      }
      let winner = winners.withLock { $0 }
      #expect(winner.count == 1)
      #expect(try journal.entry("a", number).worker == winner.first)
    }
    #expect(try journal.last() == ["a": 20])
    #expect(journal.has("a", 20) && !journal.has("a", 21) && !journal.has("b", 1))
    #expect(folder.contents.count == 20, "no temporary file is left")
  }

  @Test func foreignFilesAreNoEntries() throws {
    let journal = try ShareJournal(folder.path)
    for name in ["settings.json", "a-b", "a-0", "a-1-2", ".nsarm-x.entry", "u.beat"] {
      _ = try folder.write(name, [1])
    }
    #expect(try journal.last() == [:])
  }

  @Test func aFolderThatCannotBeWrittenIsNamed() throws {
    let path = try folder.write("file", [1])
    #expect(throws: FileError.self) { try ShareJournal(path + "/share") }
    let journal = try ShareJournal(folder("share"))
    try FileManager.default.removeItem(atPath: folder("share"))
    #expect(throws: FileError.self) {
      try journal.append(.init(state: .claimed, worker: ShareWorker(rank: 0)), "a", 1)
    }
    #expect(throws: FileError.self) { try journal.last() }
  }
}
