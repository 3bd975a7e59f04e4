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

/// The service behind `nsarm serve` and `nsarm work`: a queue, an HTTP API with the web app, and
/// workers.
public struct RestorationService: Sendable {
  /// The storage of jobs and pictures.
  public enum Jobs: Sendable {
    /// A folder of this machine.
    case folder(String)
    /// A PostgreSQL server, "postgres://...", which any number of machines can share.
    case postgres(String)
  }

  /// The address at which the service listens, and who may use it.
  public struct ListenOptions: Sendable {
    public var host = "127.0.0.1"
    /// 0: any free port.
    public var port = 8080
    /// The token that clients must send; nil: none.
    public var token: String?
    /// The public address of the service behind a proxy.
    public var publicURL: PublicURL?
    /// Proxies whose statements about their clients are believed.
    public var trustedProxies: [AddressRange] = []
    /// Whether every request is logged, independently of the log level.
    public var logsRequests = false

    public init() {}

    /// Whether only programs on this machine can reach the service directly.
    public var isLocal: Bool { HostNames.isLoopback(host) }

    /// Whether clients on other machines can reach the service, directly or through a proxy.
    public var isPublic: Bool {
      !isLocal || publicURL.map { !HostNames.isLoopback($0.host) } ?? false
    }

    /// The host names that the service answers to.
    var names: HostNames {
      isLocal ? .loopback : token == nil ? .machine(also: host) : .all
    }
  }

  public var limits = ServiceLimits()
  public var logger: Logger
  /// Begin it before the services are shut down to end them immediately.
  public let shutdown = Shutdown()
  private(set) var store: JobStore
  private let outbox: Outbox
  private let localWorkers = LocalWorkers()
  private var lease = 30.0

  /// - Throws: `DatabaseFailure` and `FileError` if the jobs cannot be stored.
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

  /// Makes a folder that only its owner can read. The permissions of a folder with other files are
  /// left as they are, since the service restricts each of its own files and folders.
  private static func prepare(_ folder: String) throws {
    try createFolder(folder, permissions: 0o700)
    let ours = ["jobs.sqlite", "pictures", "work", "finished"]
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    if names.allSatisfy({ name in ours.contains { name.hasPrefix($0) } }) { chmod(folder, 0o700) }
  }

  /// Sets the limits up to which ended jobs are kept: seconds since their end, and the total size
  /// of their pictures.
  public mutating func keep(seconds: Double, bytes: Int) {
    store.retention = JobStore.Retention(seconds: seconds, bytes: bytes)
  }

  /// Sets the time without a sign of life after which a worker counts as dead, in seconds.
  public mutating func setLease(_ seconds: Double) { lease = seconds }

  /// A worker that restores with the given models.
  public func worker(_ models: ModelShelf) -> any Service {
    JobWorker(
      store, models, limits: limits, outbox: outbox, localWorkers: localWorkers, shutdown: shutdown,
      logger: logger)
  }

  /// The periodic maintenance of the queue.
  public func caretaker() -> any Service {
    JobCaretaker(store: store, logger: logger, lease: lease)
  }

  /// The sender of webhooks, if the limits allow webhooks.
  public func webhookSender() -> (any Service)? {
    limits.webhooks.map { WebhookSender(store: store, policy: $0, logger: logger) }
  }

  /// The HTTP server.
  ///
  /// - Parameters:
  ///   - models: the models that the workers have.
  ///   - running: called with the port that the server listens at.
  public func server(
    _ listen: ListenOptions, models: ModelShelf, version: String,
    running: @escaping @Sendable (_ port: Int) -> Void
  ) -> any Service {
    PrometheusRegistry.install()
    // Creates the counters, so that their first increase is visible.
    for label in ["nsarm_uploads", "nsarm_upload_bytes"] { Counter(label: label).increment(by: 0) }
    let routes = Routes(
      store: store,
      service: ServiceDescription(
        version: version, models: models, authentication: listen.token != nil,
        formats: ImageFormat.allCases.filter(\.isWritable).map(\.rawValue),
        limits: .init(
          bodyBytes: limits.bodyBytes, pixels: limits.pixels, queue: limits.queue,
          secondsPerPicture: limits.secondsPerPicture),
        retention: .init(seconds: store.retention.seconds, bytes: store.retention.bytes),
        webhooks: limits.webhooks != nil),
      models: models, limits: limits,
      access: Access(listen, wrongTokensPerMinute: limits.wrongTokensPerMinute),
      shutdown: shutdown,
      status: ServiceStatus(
        store: store, shutdown: shutdown,
        workersAlive: { [store, localWorkers] in
          max(localWorkers.count, try await store.workersAlive())
        },
        queueLimit: limits.queue),
      rateLimit: limits.perMinute.map { RateLimit(perMinute: $0) },
      slots: UploadSlots(perAddress: limits.uploadsPerAddress, inAll: limits.uploads),
      events: EventStream(store: store, shutdown: shutdown),
      pictures: PictureResponse(
        store: store, displays: DisplayMaker(store: store, limits: limits)),
      archive: ArchiveResponse(store: store, shutdown: shutdown))
    return listener(listen, shutdown, running) { routes.add(to: $0) }
  }

  /// A server for monitoring a worker: `/healthz`, `/readyz` and `/metrics`, without
  /// authentication.
  ///
  /// - Parameter running: called with the port that the server listens at.
  public func status(
    host: String, port: Int, running: @escaping @Sendable (_ port: Int) -> Void = { _ in }
  ) -> any Service {
    PrometheusRegistry.install()
    var listen = ListenOptions()
    (listen.host, listen.port) = (host, port)
    let status = ServiceStatus(store: store, shutdown: shutdown, workersAlive: nil)
    return listener(listen, shutdown, running) { status.add(to: $0) { _, _ in } }
  }

  private func listener(
    _ listen: ListenOptions, _ shutdown: Shutdown,
    _ running: @escaping @Sendable (_ port: Int) -> Void,
    add: (Router<ClientContext>) -> Void
  ) -> Listener {
    let router = Router(context: ClientContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: TracingMiddleware())
    router.add(middleware: ProblemMiddleware())
    add(router)
    var log = logger
    if listen.logsRequests { log.logLevel = min(log.logLevel, .info) }
    let application = Application(
      responder: ServiceResponder(
        inside: router.buildResponder(), proxies: TrustedProxies(ranges: listen.trustedProxies),
        log: log),
      server: .http1(
        configuration: .init(
          idleTimeout: .seconds(75),
          httpDecoderConfiguration: .init(maxHeaderFieldSize: 16384, maxHeaderListSize: 32768))),
      configuration: ApplicationConfiguration(
        address: .hostname(listen.host, port: listen.port), serverName: "nsarm"),
      onServerRunning: { channel in running(channel.localAddress?.port ?? listen.port) },
      logger: logger)
    return Listener(server: application, listen: listen, shutdown: shutdown)
  }
}
