import Foundation
import ModelTestSupport
import Synchronization
import Testing
import Torch

@testable import NSARM
@testable import SuperResolution

@Suite struct RestorationTests {
  @Test func eventsAreThoseOfTheWork() async throws {
    let resolver = try SuperResolver(try TinyModel.make())
    let picture = testPicture(40, 50)
    let expected = try resolver.upscaled(picture)
    var shares: [Double] = []
    var strips: [Tensor] = []
    var finished: Tensor?
    for try await event in resolver.restore(picture) {
      #expect(finished == nil)
      switch event {
      case .progress(let share): shares.append(share)
      case .rows(let first, let strip):
        #expect(first == strips.reduce(0) { $0 + $1.size(1) })
        strips.append(strip)
      case .finished(let whole): finished = whole
      }
    }
    #expect(shares.count > 3 && shares == shares.sorted() && abs(shares.last! - 1) < 1e-9)
    #expect(bytes(finished!) == bytes(expected))
    #expect(bytes(.concatenated(strips, 1)) == bytes(expected))
  }

  /// Several at once give what each gives alone.
  @Test func restorationsDoNotDisturbEachOther() async throws {
    let resolver = try SuperResolver(try TinyModel.make())
    let pictures = [testPicture(20, 24), testPicture(30, 20), testPicture(16, 40)]
    let expected = try pictures.map { bytes(try resolver.upscaled($0)) }
    let found = try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
      for (i, picture) in pictures.enumerated() {
        group.addTask { (i, bytes(try await Self.whole(resolver.restore(picture)))) }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    for (i, expected) in expected.enumerated() { #expect(found[i] == expected) }
  }

  /// Leaving the loop ends the work, and the next restoration begins.
  @Test func nobodyListensAnyMore() async throws {
    let resolver = try SuperResolver(try TinyModel.make())
    let picture = testPicture(400, 400)
    for try await _ in resolver.restore(picture) { break }
    let task = Task { try await Self.whole(resolver.restore(picture)) }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    let small = testPicture(16, 16)
    let found = try await Self.whole(resolver.restore(small))
    #expect(bytes(found) == bytes(try resolver.upscaled(small)))
  }

  /// Work without a listener is finished before the next piece begins, also after its worker is
  /// gone.
  @Test func workIsDoneInOrder() async throws {
    let done = Mutex<[Int]>([])
    var worker: SerialWorker? = SerialWorker()
    let events = worker!.stream { send in
      try send(1)
      Thread.sleep(forTimeInterval: 0.3)
      done.withLock { $0.append(1) }
    }
    for try await _ in events { break }
    let last = worker!.stream { try $0(done.withLock { $0 }) }
    worker = nil
    for try await found in last { #expect(found == [1]) }
  }

  @Test func errorsArriveInTheLoop() async throws {
    let resolver = try SuperResolver(try TinyModel.make())
    var options = SuperResolver.Options()
    options.acceleration.scales = 99
    await #expect(throws: (any Error).self) {
      for try await _ in resolver.restore(testPicture(16, 16), options) {}
    }
    await #expect(throws: (any Error).self) {
      try await SuperResolver(model: "no-such-model")
    }
  }

  private static func whole(
    _ events: AsyncThrowingStream<RestorationEvent, any Error>
  ) async throws -> Tensor {
    for try await event in events {
      if case .finished(let whole) = event { return whole }
    }
    throw CancellationError()
  }
}
