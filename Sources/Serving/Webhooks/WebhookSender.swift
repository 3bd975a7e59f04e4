import AsyncHTTPClient
import Files
import Foundation
import Logging
import NIOCore
import ServiceLifecycle

/// Sends webhooks when restorations have ended.
struct WebhookSender: Service {
  let store: JobStore
  let policy: WebhookPolicy
  let logger: Logger
  /// Multiplies the pauses between attempts.
  var pauseScale = 1.0

  /// The interval between two queries, in seconds.
  private static let pause = 1.0
  /// The number of concurrent messages.
  private static let most = 8

  private var table: WebhookTable { WebhookTable(database: store.database) }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        var count = 0
        while !Task.isCancelled {
          if count == Self.most {
            await group.next()
            count -= 1
          }
          if let message = await next() {
            group.addTask { await attempt(message) }
            count += 1
          } else {
            try? await Task.sleep(for: .seconds(Self.pause * pauseScale))
          }
        }
      }
    }
  }

  private func next() async -> WebhookTable.Message? {
    do {
      return try await table.claim()
    } catch {
      if !Task.isCancelled { logger.error("webhooks cannot be sent: \(oneLine("\(error)"))") }
      return nil
    }
  }

  private func attempt(_ message: WebhookTable.Message) async {
    do {
      try await send(message)
    } catch {
      // The message is sent again when the claim expires.
      if !Task.isCancelled {
        logger.error("the state of a webhook cannot be stored: \(oneLine("\(error)"))")
      }
    }
  }

  private func send(_ message: WebhookTable.Message) async throws {
    guard let job = try await store.job(message.job), job.state.isFinal else { return }
    do {
      try await deliver(job, to: message.url)
      return try await table.finish(job)
    } catch  where Task.isCancelled {
      // Releases the claim, so that another process can send the message.
      await Task { [table] in try? await table.postpone(job.id, by: 0) }.value
    } catch let error as Refusal where error.isFinal {
      logger.warning(
        "giving up a webhook: \(error)", metadata: ["job": "\(JobStore.name(job.id))"])
      return try await table.finish(job)
    } catch {
      guard message.attempt <= WebhookTable.pauses.count else {
        logger.warning(
          "giving up a webhook: \(oneLine("\(error)"))",
          metadata: ["job": "\(JobStore.name(job.id))"])
        return try await table.finish(job)
      }
      let pause = WebhookTable.pauses[message.attempt - 1] * pauseScale
      logger.info(
        "a webhook failed and is sent again in \(Int(pause)) s: \(oneLine("\(error)"))",
        metadata: ["job": "\(JobStore.name(job.id))"])
      // Spreads the retries.
      try await table.postpone(job.id, by: pause * Double.random(in: 1...1.2))
    }
  }

  /// The reason why a message was not delivered.
  struct Refusal: Error, CustomStringConvertible {
    let description: String
    /// Whether further attempts are pointless.
    var isFinal = false
  }

  private struct Body: Encodable {
    let type, timestamp: String
    let data: RestorationResponse
  }

  /// - Throws: `Refusal`, or an error of the HTTP client.
  private func deliver(_ job: Job, to url: String) async throws {
    let body = try JSONEncoder.api.encode(
      Body(
        type: "restoration.\(job.state.rawValue)",
        timestamp: (job.finished ?? job.created).formatted(.iso8601), data: .init(job: job)))
    let (id, timestamp) = (
      "\(JobStore.name(job.id))-\(job.revision)", Int(Date().timeIntervalSince1970)
    )
    guard let target = WebhookTarget(url) else {
      throw Refusal(description: "\(url): not a valid address", isFinal: true)
    }
    var request = HTTPClientRequest(url: target.url)
    request.method = .POST
    request.body = .bytes(ByteBuffer(bytes: body))
    request.headers = [
      "content-type": "application/json", "user-agent": "nsarm", "webhook-id": id,
      "webhook-timestamp": "\(timestamp)",
      "webhook-signature": policy.signature(id: id, timestamp: timestamp, body: body),
    ]
    let status = try await send(request, to: target)
    if status == 410 { throw Refusal(description: "\(url): the receiver is gone", isFinal: true) }
    guard (200..<300).contains(status) else {
      throw Refusal(description: "\(url): status \(status)")
    }
  }

  /// Sends a request to an address that has been checked, even if the host resolves to another one
  /// by then, and without following redirects.
  /// - Returns: the status of the response.
  private func send(_ request: HTTPClientRequest, to target: WebhookTarget) async throws -> Int {
    let addresses = try await BlockingWork.run { target.addresses() }
    guard let address = addresses.first else {
      throw Refusal(description: "\(target.host): no such host")
    }
    guard policy.allowsPrivate || addresses.allSatisfy(\.isPublic) else {
      throw Refusal(description: "\(target.host): \(address) is not a public address")
    }
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow, timeout: .init(connect: .seconds(10), read: .seconds(15)))
    configuration.dnsOverride = [target.host: "\(address)"]
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    do {
      let response = try await client.execute(request, timeout: .seconds(20))
      try? await client.shutdown()
      return Int(response.status.code)
    } catch {
      try? await client.shutdown()
      throw error
    }
  }
}
