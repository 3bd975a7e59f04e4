import ArgumentParser
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
      Opens a web app at http://127.0.0.1:8080/ and an API below /v1 (described at /openapi.json). Nothing \
      beyond this machine can reach it unless --host says so; then a token keeps strangers out. Behind a reverse \
      proxy, --public-url says what the world calls it and --trusted-proxy whose word counts. Pictures and \
      results stay in the data folder until they are deleted, or older or more than --keep and --keep-size. \
      Every picture may name its model, of those in Models; --model is the one for pictures that name none. \
      Ctrl-C ends it; what was being restored goes on with the next start.
      """)

  @Option(parsing: .unconditional, help: "The port to listen to; 0: any that is free.")
  var port = 8080

  @Option(help: "The address to listen to; 0.0.0.0: all of this machine's.")
  var host = "127.0.0.1"

  @OptionGroup var service: ServiceOptions

  @Flag(help: "Only take pictures in; 'nsarm work' processes restore them.")
  var noWork = false

  @Option(
    help: ArgumentHelp(
      "A file with the token that clients have to send (or $NSARM_TOKEN holds it).",
      valueName: "file"))
  var tokenFile: String?

  @Flag(help: "Let everybody use it who can reach it.")
  var noToken = false

  @OptionGroup var proxy: ProxyOptions

  @Flag(help: "Log every request, whatever --log-level says.")
  var accessLog = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Refuse pictures while so many are waiting.", valueName: "count"))
  var maxQueue = ServiceLimits().queue

  @Option(help: ArgumentHelp("Refuse larger uploads (default: 100M).", valueName: "size"))
  var maxUpload: ByteCount?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Take so many pictures a minute from one address (default: any number).", valueName: "count"))
  var rateLimit: Int?

  @OptionGroup var webhookOptions: WebhookOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Remove pictures and results after so many days.", valueName: "days"))
  var keep = 7.0

  @Option(
    help: ArgumentHelp(
      "Remove the oldest where all take more space (default: 20G).", valueName: "size"))
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
    var door = RestorationService.Door()
    (door.host, door.port, door.token) = (host, port, try token())
    let webhooks = try webhookOptions.policy()
    (door.publicURL, door.trustedProxies) = (proxy.publicURL, proxy.trustedProxy)
    door.logsRequests = accessLog
    if noToken, door.token != nil {
      throw ValidationError(
        "a token and --no-token exclude each other: is it for everybody or not?")
    }
    guard door.token != nil || noToken || !door.isPublic else {
      throw OpenDoor(place: proxy.publicURL?.description ?? host)
    }
    let models = try service.shelf(restores: !noWork)
    try runServices { [self, door] in
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
        door, models: models, version: Version.text
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

  private func token() throws -> String? {
    let text: String
    if let tokenFile {
      guard let contents = try? String(contentsOfFile: tokenFile, encoding: .utf8) else {
        throw ValidationError("\(tokenFile): cannot be read; it holds the token, and nothing else")
      }
      text = contents.trimmingCharacters(in: .whitespacesAndNewlines)
    } else {
      guard let value = ProcessInfo.processInfo.environment["NSARM_TOKEN"], !value.isEmpty else {
        return nil
      }
      text = value
    }
    guard text.utf8.count >= 8, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw ValidationError("a token has at least 8 characters, ASCII letters, digits and signs")
    }
    return text
  }
}

/// Nobody is kept out, and nobody has said that this is meant.
private struct OpenDoor: LocalizedError {
  let place: String

  var errorDescription: String? {
    "everybody who reaches \(place) could use this service; set a token (NSARM_TOKEN or --token-file), or"
      + " allow it with --no-token"
  }
}
