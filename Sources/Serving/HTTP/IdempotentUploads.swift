import Foundation
import HTTPTypes

extension HTTPField.Name {
  static let idempotencyKey = Self("Idempotency-Key")!
}

extension JobStore {
  var keys: IdempotencyKeys { IdempotencyKeys(database: database) }

  /// Adds a job, and its webhook, unless an upload with the same key has been accepted.
  ///
  /// - Parameters:
  ///   - key: the hashed idempotency key; nil: none.
  /// - Returns: the job, and whether it is new.
  /// - Throws: as `add`; `Problem` if the key belongs to a different upload; `JobError.missing` if
  ///   the job has been removed since.
  func add(_ order: Job.Order, input: Input, limit: Int, key: String?) async throws
    -> (job: Job, isNew: Bool)
  {
    var order = order
    let webhook = order.settings.webhook
    order.settings.webhook = nil
    guard let key, case .file(let path) = input else {
      let job = try await add(order, input: input, limit: limit) {
        if let webhook { try WebhookTable.keep(webhook, job: $0, $1) }
      }
      return (job, true)
    }
    let fingerprint = try await BlockingWork.run { [order] in
      try IdempotencyKeys.fingerprint(picture: path, name: order.input.name, order.settings)
    }
    let claim = IdempotencyKeys.Claim(key: key, fingerprint: fingerprint)
    if let job = try await earlier(claim) { return (job, false) }
    do {
      let job = try await add(order, input: input, limit: limit) { [dialect = database.dialect] in
        try IdempotencyKeys.keep(claim, job: $0, $1, dialect)
        if let webhook { try WebhookTable.keep(webhook, job: $0, $1) }
      }
      return (job, true)
    } catch is IdempotencyKeys.Taken {
      // The same upload arrived at the same time.
      guard let job = try await earlier(claim) else { throw JobError.missing }
      return (job, false)
    }
  }

  private func earlier(_ claim: IdempotencyKeys.Claim) async throws -> Job? {
    guard let id = try await keys.job(claim) else { return nil }
    guard let job = try await job(id) else { throw JobError.missing }
    return job
  }
}
