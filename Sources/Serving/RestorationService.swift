import Files
import Foundation
import Hummingbird
import Imaging
import Logging
import NIOCore
import NSARM
import ServiceLifecycle
import Upscaling

/// The queue, the HTTP API with the web app, and a worker: what `nsarm serve` and `nsarm work` are
/// made of.
public struct RestorationService: Sendable {
  /// Where jobs and pictures are kept.
  public enum Jobs: Sendable {
    /// A file in a folder of this machine.
    case folder(String)
    /// A PostgreSQL server, "postgres://...", which any number of machines may share.
    case postgres(String)
  }

  /// Where the service is listened to, and by whom.
  public struct Door: Sendable {
    public var host = "127.0.0.1"
    /// 0: any that is free.
    public var port = 8080
    /// What clients have to know; nil: nothing.
    public var token: String?

    public init() {}

    /// Whether only this machine's own programs can reach it.
    public var isLocal: Bool { Access.isLoopback(host) }
  }

  public var limits = ServiceLimits()
  public var logger: Logger
  private var store: JobStore

  /// - Throws: `DatabaseFailure` and `FileError` where the jobs cannot be kept.
  public init(_ jobs: Jobs, logger: Logger) async throws {
    self.logger = logger
    let database: any Database
    switch jobs {
    case .folder(let folder):
      try createFolder(folder, permissions: 0o700)
      database = try SQLiteDatabase(folder + "/jobs.sqlite")
    case .postgres(let url): database = try PostgresDatabase(url)
    }
    try await JobSchema.prepare(database)
    store = JobStore(database: database)
  }

  /// How long results are kept, in seconds, and how many bytes of pictures at most.
  public mutating func keep(seconds: Double, bytes: Int) {
    store.retention = JobStore.Retention(seconds: seconds, bytes: bytes)
  }

  /// How long a worker may be silent before others take its job, in seconds.
  public mutating func setLease(_ seconds: Double) { store.lease = seconds }

  /// A worker with some models.
  public func worker(_ models: ModelShelf) -> any Service {
    JobWorker(store, models, limits: limits, logger: logger)
  }

  /// What keeps the table of jobs in order.
  public func caretaker() -> any Service { JobCaretaker(store: store, logger: logger) }

  /// The HTTP server.
  ///
  /// - Parameters:
  ///   - models: what the service's workers restore with.
  ///   - workers: how many there are in this process.
  ///   - running: called with the port that is listened to.
  public func server(
    _ door: Door, models: ModelShelf, version: String, workers: Int,
    running: @escaping @Sendable (_ port: Int) -> Void
  ) -> any Service {
    PrometheusRegistry.install()
    let shutdown = Shutdown()
    let routes = Routes(
      store: store,
      service: ServiceDescription(
        version: version, models: models, authentication: door.token != nil,
        formats: ImageFormat.allCases.filter(\.isWritable).map(\.rawValue),
        limits: .init(
          bodyBytes: limits.bodyBytes, pixels: limits.pixels, queue: limits.queue,
          secondsPerPicture: limits.secondsPerPicture),
        retention: .init(seconds: store.retention.seconds, bytes: store.retention.bytes),
        workers: workers),
      models: models, limits: limits, access: Access(token: door.token, isLocal: door.isLocal),
      shutdown: shutdown,
      rateLimit: limits.perMinute.map { RateLimit(perMinute: $0) },
      events: EventStream(store: store, history: JobHistory(store), shutdown: shutdown),
      pictures: PictureResponse(store: store, limits: limits, turns: Turns(2)))
    let router = Router(context: ClientContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: SafetyHeaders())
    router.add(middleware: MetricsMiddleware())
    router.add(middleware: ProblemMiddleware())
    routes.add(to: router)
    let application = Application(
      router: router,
      server: .http1(
        configuration: .init(
          idleTimeout: .seconds(75),
          httpDecoderConfiguration: .init(maxHeaderFieldSize: 16384, maxHeaderListSize: 32768))),
      configuration: ApplicationConfiguration(
        address: .hostname(door.host, port: door.port), serverName: "nsarm"),
      services: [ShutdownObserver(shutdown: shutdown)],
      onServerRunning: { channel in running(channel.localAddress?.port ?? door.port) },
      logger: logger)
    return Listener(server: application, door: door)
  }
}

/// Tells requests that wait for events that the service is ending.
private struct ShutdownObserver: Service {
  let shutdown: Shutdown

  func run() async throws {
    await withGracefulShutdownHandler {
      try? await gracefulShutdown()
    } onGracefulShutdown: {
      shutdown.begin()
    }
  }
}

/// Ends jobs of dead workers and removes what is no longer kept.
private struct JobCaretaker: Service {
  let store: JobStore
  let logger: Logger

  private static let pause = 5.0

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        do {
          try await store.tidy()
        } catch {
          logger.error("old jobs are not removed: \(oneLine("\(error)"))")
        }
        try? await Task.sleep(for: .seconds(Self.pause))
      }
    }
  }
}
