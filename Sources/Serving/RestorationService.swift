import Files
import Foundation
import Hummingbird
import Imaging
import Logging
import Metrics
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
    /// Where the world finds the service, through a proxy.
    public var publicURL: PublicURL?
    /// Peers whose word is taken for who asks them, and how.
    public var trustedProxies: [AddressRange] = []
    /// Whether every request is logged, whatever else is.
    public var logsRequests = false

    public init() {}

    /// Whether only this machine's own programs can reach it.
    public var isLocal: Bool { HostNames.isLoopback(host) }

    /// Whether others than this machine's programs can, directly or through a proxy.
    public var isPublic: Bool {
      !isLocal || publicURL.map { !HostNames.isLoopback($0.host) } ?? false
    }

    /// The names by which it may be asked.
    var names: HostNames {
      isLocal ? .loopback : token == nil ? .machine(also: host) : .all
    }
  }

  public var limits = ServiceLimits()
  public var logger: Logger
  /// Begun before the services are shut down, it makes them end at once.
  public let shutdown = Shutdown()
  private var store: JobStore
  private let outbox: Outbox
  private let workersHere = WorkersHere()
  private var lease = 30.0

  /// - Throws: `DatabaseFailure` and `FileError` where the jobs cannot be kept.
  public init(_ jobs: Jobs, logger: Logger) async throws {
    self.logger = logger
    PictureWarnings.log(to: logger)
    switch jobs {
    case .folder(let folder):
      try Self.prepare(folder)
      let database = try SQLiteDatabase(folder + "/jobs.sqlite")
      try await JobSchema.prepare(database)
      store = JobStore(database: database)
      outbox = try Outbox(folder + "/finished")
    case .postgres(let url):
      let database = try PostgresDatabase(url)
      try await JobSchema.prepare(database)
      store = JobStore(database: database)
      let environment = ProcessInfo.processInfo.environment
      let folder =
        UserFolder.data.path(environment: environment)
        ?? FileManager.default.temporaryDirectory.path
      outbox = try Outbox("\(folder)/nsarm/finished/\(await store.identity())")
    }
  }

  /// Makes a folder that its owner alone can read; one with other people's files is left as it is,
  /// since all that is put into it is closed by itself.
  private static func prepare(_ folder: String) throws {
    try createFolder(folder, permissions: 0o700)
    let ours = ["jobs.sqlite", "pictures", "work", "finished"]
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    if names.allSatisfy({ name in ours.contains { name.hasPrefix($0) } }) { chmod(folder, 0o700) }
  }

  /// How long results are kept, in seconds, and how many bytes of pictures at most.
  public mutating func keep(seconds: Double, bytes: Int) {
    store.retention = JobStore.Retention(seconds: seconds, bytes: bytes)
  }

  /// How long a worker may be silent before others take its job, in seconds.
  public mutating func setLease(_ seconds: Double) { lease = seconds }

  /// A worker with some models.
  public func worker(_ models: ModelShelf) -> any Service {
    JobWorker(
      store, models, limits: limits, outbox: outbox, workersHere: workersHere, shutdown: shutdown,
      logger: logger)
  }

  /// What keeps the table of jobs in order.
  public func caretaker() -> any Service {
    JobCaretaker(store: store, logger: logger, lease: lease)
  }

  /// What tells others of the end of restorations, where the limits have webhooks.
  public func webhookSender() -> (any Service)? {
    limits.webhooks.map { WebhookSender(store: store, policy: $0, logger: logger) }
  }

  /// The HTTP server.
  ///
  /// - Parameters:
  ///   - models: what the service's workers restore with.
  ///   - running: called with the port that is listened to.
  public func server(
    _ door: Door, models: ModelShelf, version: String,
    running: @escaping @Sendable (_ port: Int) -> Void
  ) -> any Service {
    PrometheusRegistry.install()
    // There from the start, so that their growth is seen from the first one on.
    for label in ["nsarm_uploads", "nsarm_upload_bytes"] { Counter(label: label).increment(by: 0) }
    let routes = Routes(
      store: store,
      service: ServiceDescription(
        version: version, models: models, authentication: door.token != nil,
        formats: ImageFormat.allCases.filter(\.isWritable).map(\.rawValue),
        limits: .init(
          bodyBytes: limits.bodyBytes, pixels: limits.pixels, queue: limits.queue,
          secondsPerPicture: limits.secondsPerPicture),
        retention: .init(seconds: store.retention.seconds, bytes: store.retention.bytes),
        webhooks: limits.webhooks != nil),
      models: models, limits: limits,
      access: Access(door, wrongTokensPerMinute: limits.wrongTokensPerMinute),
      shutdown: shutdown,
      status: ServiceStatus(
        store: store, shutdown: shutdown,
        workersAlive: { [store, workersHere] in
          max(workersHere.count, try await store.workersAlive())
        },
        queueLimit: limits.queue),
      allowance: limits.perMinute.map { Allowance(perMinute: $0) },
      slots: UploadSlots(perAddress: limits.uploadsPerAddress, inAll: limits.uploads),
      events: EventStream(store: store, shutdown: shutdown),
      pictures: PictureResponse(
        store: store, displays: DisplayMaker(store: store, limits: limits)),
      archive: ArchiveResponse(store: store, shutdown: shutdown))
    return listener(door, shutdown, running) { routes.add(to: $0) }
  }

  /// A server for who watches over workers: `/healthz`, `/readyz` and `/metrics`, for everybody who
  /// can reach it.
  ///
  /// - Parameter running: called with the port that is listened to.
  public func status(
    host: String, port: Int, running: @escaping @Sendable (_ port: Int) -> Void = { _ in }
  ) -> any Service {
    PrometheusRegistry.install()
    var door = Door()
    (door.host, door.port) = (host, port)
    let status = ServiceStatus(store: store, shutdown: shutdown, workersAlive: nil)
    return listener(door, shutdown, running) { status.add(to: $0) { _, _ in } }
  }

  private func listener(
    _ door: Door, _ shutdown: Shutdown, _ running: @escaping @Sendable (_ port: Int) -> Void,
    add: (Router<ClientContext>) -> Void
  ) -> Listener {
    let router = Router(context: ClientContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: TracingMiddleware())
    router.add(middleware: ProblemMiddleware())
    add(router)
    var log = logger
    if door.logsRequests { log.logLevel = min(log.logLevel, .info) }
    let application = Application(
      responder: FrontDoor(
        inside: router.buildResponder(), proxies: TrustedProxies(ranges: door.trustedProxies),
        log: log),
      server: .http1(
        configuration: .init(
          idleTimeout: .seconds(75),
          httpDecoderConfiguration: .init(maxHeaderFieldSize: 16384, maxHeaderListSize: 32768))),
      configuration: ApplicationConfiguration(
        address: .hostname(door.host, port: door.port), serverName: "nsarm"),
      onServerRunning: { channel in running(channel.localAddress?.port ?? door.port) },
      logger: logger)
    return Listener(server: application, door: door, shutdown: shutdown)
  }
}
