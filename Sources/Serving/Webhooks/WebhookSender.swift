import AsyncHTTPClient
import Files
import Foundation
import Logging
import NIOCore
import ServiceLifecycle

/// Tells those who have asked for it that restorations have ended.
struct WebhookSender: Service {
  let store: JobStore
  let policy: WebhookPolicy
  let logger: Logger
  /// Multiplies the pauses between attempts.
  var haste = 1.0

  /// Seconds between two looks at the table.
  private static let pause = 1.0
  /// Messages under way at once.
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
            try? await Task.sleep(for: .seconds(Self.pause * haste))
          }
        }
      }
    }
  }

  private func next() async -> WebhookTable.Message? {
    do {
      return try await table.claim()
    } catch {
      if !Task.isCancelled { logger.error("webhooks are not sent: \(oneLine("\(error)"))") }
      return nil
    }
  }

  private func attempt(_ message: WebhookTable.Message) async {
    do {
      try await send(message)
    } catch {
      // What the table does not say now it says when the claim has run out.
      if !Task.isCancelled { logger.error("a webhook is not noted: \(oneLine("\(error)"))") }
    }
  }

  private func send(_ message: WebhookTable.Message) async throws {
    guard let job = try await store.job(message.job), job.state.isFinal else { return }
    do {
      try await deliver(job, to: message.url)
      return try await table.finish(job)
    } catch  where Task.isCancelled {
      // Whoever comes next sends it.
      await Task { [table] in try? await table.postpone(job.id, by: 0) }.value
    } catch let error as Refusal where error.isFinal {
      logger.warning(
        "a webhook is given up: \(error)", metadata: ["job": "\(JobStore.name(job.id))"])
      return try await table.finish(job)
    } catch {
      guard message.attempt <= WebhookTable.pauses.count else {
        logger.warning(
          "a webhook is given up: \(oneLine("\(error)"))",
          metadata: ["job": "\(JobStore.name(job.id))"])
        return try await table.finish(job)
      }
      let pause = WebhookTable.pauses[message.attempt - 1] * haste
      logger.info(
        "a webhook is sent again in \(Int(pause)) s: \(oneLine("\(error)"))",
        metadata: ["job": "\(JobStore.name(job.id))"])
      // Not all at once.
      try await table.postpone(job.id, by: pause * Double.random(in: 1...1.2))
    }
  }

  /// Why a message has not come through.
  struct Refusal: Error, CustomStringConvertible {
    let description: String
    /// Whether it never will.
    var isFinal = false
  }

  private struct Body: Encodable {
    let type, timestamp: String
    let data: RestorationResponse
  }

  /// - Throws: `Refusal`, and what the client throws.
  private func deliver(_ job: Job, to url: String) async throws {
    let body = try JSONEncoder.api.encode(
      Body(
        type: "restoration.\(job.state.rawValue)",
        timestamp: (job.finished ?? job.created).formatted(.iso8601), data: .init(job: job)))
    let (id, timestamp) = (
      "\(JobStore.name(job.id))-\(job.revision)", Int(Date().timeIntervalSince1970)
    )
    guard let target = WebhookTarget(url) else {
      throw Refusal(description: "\(url): no address", isFinal: true)
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
    if status == 410 { throw Refusal(description: "\(url): is gone", isFinal: true) }
    guard (200..<300).contains(status) else {
      throw Refusal(description: "\(url): status \(status)")
    }
  }

  /// Sends a request to an address that has been looked at, whatever the name stands for a moment
  /// later, and wherever the answer leads to.
  /// - Returns: the answer's status.
  private func send(_ request: HTTPClientRequest, to target: WebhookTarget) async throws -> Int {
    let addresses = try await BlockingWork.run { target.addresses() }
    guard let address = addresses.first else {
      throw Refusal(description: "\(target.host): there is no such host")
    }
    guard policy.allowsPrivate || addresses.allSatisfy(\.isPublic) else {
      throw Refusal(description: "\(target.host): \(address) is no public address")
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
