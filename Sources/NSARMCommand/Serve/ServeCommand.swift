import ArgumentParser
import Files
import Foundation
import Logging
import NSARM
import ServiceLifecycle
import Serving

/// `nsarm serve`
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Restore photos in the browser, or for other programs over HTTP.",
    discussion: """
      Serves a web app at http://127.0.0.1:8080/ and an API below /v1 (described at /openapi.json). Only this \
      machine can reach it unless --host is given; then a token keeps strangers out. Behind a reverse proxy, \
      --public-url is its public address and --trusted-proxy the proxy's. Pictures and results stay in the \
      data folder until they are deleted, or until --keep or --keep-size is exceeded. A picture may name its \
      model, one of those in Models; --model is for pictures that name none. Ctrl-C ends the service; pictures \
      under way are restored after the next start.
      """)

  @Option(parsing: .unconditional, help: "Port to listen on; 0: any that is free.")
  var port = 8080

  @Option(help: "Address to listen on; 0.0.0.0: all addresses of this machine.")
  var host = "127.0.0.1"

  @OptionGroup var service: ServiceOptions

  @Flag(help: "Accept pictures only; 'nsarm work' processes restore them.")
  var noWork = false

  @OptionGroup var tokenOptions: TokenOptions

  @Flag(help: "Let everybody who can reach the service use it.")
  var noToken = false

  @OptionGroup(title: "Proxy options") var proxy: ProxyOptions

  @Flag(help: "Log every request, whatever --log-level is.")
  var accessLog = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Refuse pictures while this many are waiting.", valueName: "count"))
  var maxQueue = ServiceLimits().queue

  @Option(help: ArgumentHelp("Refuse larger uploads (default: 100M).", valueName: "size"))
  var maxUpload: ByteCount?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Pictures per minute that are accepted from one address (default: any number).",
      valueName: "count"))
  var rateLimit: Int?

  @OptionGroup(title: "Webhook options") var webhookOptions: WebhookOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Remove pictures and results after this many days.", valueName: "days"))
  var keep = 7.0

  @Option(
    help: ArgumentHelp(
      "Remove the oldest pictures and results when all take more space (default: 20G).",
      valueName: "size"))
  var keepSize: ByteCount?

  func validate() throws {
    guard (0...65535).contains(port) else { throw ValidationError("--port has to be 0 to 65535") }
    if host.isEmpty { throw ValidationError("--host is empty; 127.0.0.1 is this machine alone") }
    guard (1...1_000_000).contains(maxQueue) else {
      throw ValidationError("--max-queue has to be 1 to 1000000")
    }
    if let rateLimit, !(1...1_000_000).contains(rateLimit) {
      throw ValidationError("--rate-limit has to be 1 to 1000000")
    }
    guard (0.001...36500).contains(keep) else {
      throw ValidationError("--keep has to be 0.001 to 36500 days")
    }
  }

  func run() throws {
    var listen = RestorationService.ListenOptions()
    (listen.host, listen.port, listen.token) = (host, port, try token())
    let webhooks = try webhookOptions.policy()
    (listen.publicURL, listen.trustedProxies) = (proxy.publicURL, proxy.trustedProxy)
    listen.logsRequests = accessLog
    if noToken, listen.token != nil {
      throw ValidationError(
        "a token and --no-token cannot be combined: is it for everybody or not?")
    }
    guard listen.token != nil || noToken || !listen.isPublic else {
      throw UnprotectedListener(place: proxy.publicURL?.description ?? host)
    }
    let models = try service.shelf(restores: !noWork)
    try runServices { [self, listen] in
      var service = try await service.service()
      // What is wrong with the queue has been told before a large model is read.
      if !noWork { _ = try await models.model() }
      service.limits.queue = maxQueue
      service.limits.bodyBytes = maxUpload?.bytes ?? service.limits.bodyBytes
      service.limits.perMinute = rateLimit
      service.limits.webhooks = webhooks
      service.keep(seconds: keep * 86400, bytes: keepSize?.bytes ?? 20 << 30)
      let host = host.contains(":") ? "[\(host)]" : host
      let server = service.server(
        listen, models: models, version: Version.text
      ) { [log = self.service.log] port in
        log.tell("nsarm is at http://\(host):\(port)/ - Ctrl-C ends it")
      }
      let workers = noWork ? [] : [service.worker(models)]
      let senders = [service.webhookSender()].compactMap(\.self)
      return RunningServices(
        services: workers + senders + [service.caretaker(), server], shutdown: service.shutdown,
        logger: service.logger)
    }
  }

  /// The token that clients have to send; nil: none.
  private func token() throws -> String? {
    guard let text = try tokenOptions.token() else { return nil }
    guard text.utf8.count >= 8, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw ValidationError(
        "a token has at least 8 characters: ASCII letters, digits and punctuation")
    }
    return text
  }
}

/// The service would be open to everybody, and the options do not say that this is intended.
private struct UnprotectedListener: LocalizedError {
  let place: String

  var errorDescription: String? {
    "everybody who can reach \(place) could use this service; set a token (NSARM_TOKEN or --token-file),"
      + " or allow it with --no-token"
  }
}
