import Files
import Foundation
import Upscaling

/// The queue as the place through which a batch of pictures goes to workers and comes back,
/// without a server in between.
///
/// A picture is queued under a key made of its contents, its settings and its output, so that a
/// batch that is submitted again finds what it has queued. A key is remembered for a day.
public struct PictureQueue: Sendable {
  let store: JobStore
  let limits: ServiceLimits
  let models: ModelShelf

  /// A picture of a batch.
  public struct Picture: Sendable {
    /// The path of its file, and its name for people.
    public let path, name: String
    /// The settings by their names in the API.
    public let settings: [String: String]
    /// The output's path, which tells apart what is otherwise the same.
    public let output: String

    public init(path: String, name: String, settings: [String: String], output: String) {
      self.path = path
      self.name = name
      self.settings = settings
      self.output = output
    }
  }

  /// A picture in the queue.
  public struct Ticket: Hashable, Sendable {
    let id: UUID
    let key: String
  }

  /// The state of a picture in the queue.
  public enum State: Sendable, Equatable {
    /// It waits, or is being restored: the share of the work that is done, 0...1.
    case waiting(Double)
    case restored(Restored)
    /// For this reason.
    case failed(String)
    /// Somebody has removed it.
    case gone
  }

  /// The facts about a restored picture.
  public struct Restored: Sendable, Equatable {
    public let inputWidth, inputHeight, outputWidth, outputHeight: Int
    /// The duration of the work.
    public let seconds: Double?
    public let warnings: [String]
  }

  /// Puts a picture into the queue, unless it is there. One that failed or was cancelled is queued
  /// again.
  /// - Throws: `PictureQueueError`, `FileError`.
  public func submit(_ picture: Picture) async throws -> Ticket {
    try await translated {
      var settings = RestorationSettings()
      for (name, value) in picture.settings.sorted(by: { $0.key < $1.key }) {
        try settings.set(name, SettingValue(field: value))
      }
      let name = Upload.displayName(picture.name)
      let (order, key) = try await BlockingWork.run { [settings, limits, models] in
        let order = try Job.Order(picture: picture.path, name: name, settings, limits, models)
        return (order, try Self.key(picture, order))
      }
      let job: Job
      do {
        job = try await add(order, picture.path, key)
      } catch JobError.missing {
        // Fetched and removed before.
        try await forget(key)
        job = try await add(order, picture.path, key)
      }
      if job.state == .failed || job.state == .cancelled {
        do { try await store.retry(job.id) } catch is JobError {}
      }
      return Ticket(id: job.id, key: key)
    }
  }

  /// The states of pictures.
  /// - Throws: `PictureQueueError.unavailable`.
  public func states(of tickets: [Ticket]) async throws -> [Ticket: State] {
    guard !tickets.isEmpty else { return [:] }
    let names = tickets.map { SQLValue.text(JobStore.name($0.id)) }
    let jobs = try await translated {
      try await store.database.read { [store] db in
        // PostgreSQL's connection binds at most 32 values to a statement.
        try stride(from: 0, to: names.count, by: 32).flatMap { first in
          let part = Array(names[first...].prefix(32))
          let places = part.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
          return try db.run(
            "SELECT \(JobStore.columns) FROM nsarm_jobs WHERE id IN (\(places))", part
          ).map(store.decoded)
        }
      }
    }
    let states = Dictionary(uniqueKeysWithValues: jobs.map { ($0.id, State($0)) })
    return Dictionary(
      tickets.map { ($0, states[$0.id] ?? .gone) }, uniquingKeysWith: { first, _ in first })
  }

  /// Waits until something in the queue has changed, or for a second.
  public func change() async {
    await store.feed.wait(after: store.feed.generation, atMost: .seconds(1))
  }

  /// Writes a result to a file, which appears under its name when it is complete, and replaces
  /// none.
  /// - Throws: `PictureQueueError`, `FileError`.
  public func fetch(_ ticket: Ticket, to path: String) async throws {
    try await translated {
      let file = try AtomicFile(path, overwrite: false)
      defer { file.discard() }
      guard let size = try await store.files.size(ticket.id, .result) else {
        throw JobError.missing
      }
      try await store.files.stream(ticket.id, .result, 0..<size) { part in
        try part.withUnsafeBytes { try file.write($0) }
      }
      try file.commit()
    }
  }

  /// Removes a picture and its result.
  /// - Throws: `PictureQueueError.unavailable`.
  public func remove(_ ticket: Ticket) async throws {
    try await translated {
      try await forget(ticket.key)
      do { try await store.remove(ticket.id) } catch JobError.missing {}
    }
  }

  private func add(_ order: Job.Order, _ path: String, _ key: String) async throws -> Job {
    guard let scratch = store.database.pictures.scratch else {
      return try await store.add(order, input: .file(path), limit: .max, key: key).job
    }
    // The file is kept as it is from now on, and the original is not ours to keep.
    let folder = try TemporaryFolder(in: scratch)
    defer { folder.remove() }
    let copy = folder.path + "/picture"
    try await BlockingWork.run { try FileManager.default.copyItem(atPath: path, toPath: copy) }
    return try await store.add(order, input: .file(copy), limit: .max, key: key).job
  }

  private func forget(_ key: String) async throws {
    _ = try await store.database.write { db in
      try db.run("DELETE FROM nsarm_keys WHERE key = ?1", .text(key))
    }
  }

  private static func key(_ picture: Picture, _ order: Job.Order) throws -> String {
    let fingerprint = try IdempotencyKeys.fingerprint(
      picture: picture.path, name: order.input.name, order.settings)
    let sum = Checksum(.sha256)
    Data("nsarm submit\0\(fingerprint)\0\(picture.output)".utf8)
      .withUnsafeBytes { sum.update($0) }
    return sum.digits
  }

  /// Turns the errors of the service into those of a batch.
  private func translated<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch let error as DatabaseFailure where error.reason == .unavailable {
      throw PictureQueueError.unavailable(error.description)
    } catch JobError.missing {
      throw PictureQueueError.gone
    } catch let error as InvalidSetting {
      throw PictureQueueError.refused(error.description)
    } catch let error as ModelShelfError {
      throw PictureQueueError.refused(error.description)
    } catch let error as Problem {
      throw PictureQueueError.refused(error.detail)
    }
  }
}

extension PictureQueue.State {
  fileprivate init(_ job: Job) {
    switch job.state {
    case .queued, .running: self = .waiting(job.progress?.share ?? 0)
    case .succeeded:
      self = .restored(
        .init(
          inputWidth: job.order.input.width, inputHeight: job.order.input.height,
          outputWidth: job.order.output.width, outputHeight: job.order.output.height,
          seconds: job.seconds, warnings: job.warnings))
    case .failed: self = .failed(job.error ?? "no reason is known")
    case .cancelled: self = .failed("the restoration was cancelled")
    }
  }
}

/// Why a picture of a batch cannot be queued or fetched, in one line.
public enum PictureQueueError: LocalizedError, CustomStringConvertible, Equatable, Sendable {
  /// The picture or its settings cannot be restored.
  case refused(String)
  /// The queue cannot be reached now.
  case unavailable(String)
  /// Somebody has removed the picture from the queue.
  case gone

  public var description: String {
    switch self {
    case .refused(let reason): reason
    case .unavailable(let reason): "the queue cannot be reached (\(reason))"
    case .gone: "it was removed from the queue; the same command submits it again"
    }
  }

  public var errorDescription: String? { description }
}

extension RestorationService {
  /// The queue for batches.
  /// - Parameter models: the models that settings are checked against.
  public func queue(_ models: ModelShelf) -> PictureQueue {
    PictureQueue(store: store, limits: limits, models: models)
  }
}
