import AsyncHTTPClient
import Files
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization

/// A client of `nsarm serve`.
///
/// Requests are repeated while the service is full, asks for a pause, is unreachable for a moment
/// or is restarted. Uploads have a key (`Idempotency-Key`), so that none is restored twice.
public final class ServiceClient: Sendable {
  /// A restoration in the service's representation.
  public struct Restoration: Decodable, Sendable {
    public enum State: String, Decodable, Sendable {
      case queued, running, succeeded, failed, cancelled

      public var isFinal: Bool { self != .queued && self != .running }
    }

    public struct Picture: Decodable, Sendable {
      public let width, height: Int
      public let bytes: Int?
    }

    public let id: String
    public let state: State
    /// The share of the work that is done, 0...1.
    public let progress: Double
    /// The position in the queue, from 1; nil: not queued.
    public let position: Int?
    public let input, output: Picture
    public let warnings: [String]
    public let error: String?
    public let seconds: Double?
  }

  private let server: String
  private let token: String?
  private let client: HTTPClient
  /// Whether the service has answered before: then it exists and is likely to come back.
  private let hasAnswered = Mutex(false)

  /// The pauses before retries.
  private static let pauses: [Double] = [1, 2, 4, 8, 15, 30]

  /// - Parameters:
  ///   - server: the address of the service, "http://127.0.0.1:8080".
  ///   - token: the token of the service; nil: none.
  /// - Throws: `ServiceClientError.address`.
  public init(_ server: String, token: String? = nil) throws {
    guard let parts = URLComponents(string: server), ["http", "https"].contains(parts.scheme),
      parts.host?.isEmpty == false, parts.query == nil, parts.fragment == nil
    else { throw ServiceClientError.address(server) }
    self.server = server.hasSuffix("/") ? String(server.dropLast()) : server
    self.token = token
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow, timeout: .init(connect: .seconds(10), read: .seconds(300)))
    configuration.httpVersion = .http1Only
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  /// Closes the connections; must be called.
  public func close() async { try? await client.shutdown() }

  /// Sends a picture.
  ///
  /// - Parameters:
  ///   - path: the path of the picture's file.
  ///   - name: the name of the picture for users.
  ///   - settings: the settings by their names in the API.
  /// - Throws: `ServiceClientError`.
  public func restore(_ path: String, name: String, _ settings: [String: String]) async throws
    -> Restoration
  {
    let form = try PictureForm(path, name: name, settings)
    let key = UUID().uuidString
    return try await json(.POST, "/v1/restorations") { request in
      request.headers.add(name: "Content-Type", value: form.contentType)
      request.headers.add(name: "Idempotency-Key", value: key)
      request.body = .stream(form, length: .known(Int64(form.count)))
    }
  }

  /// - Throws: `ServiceClientError`.
  public func restoration(_ id: String) async throws -> Restoration {
    try await json(.GET, "/v1/restorations/\(id)")
  }

  /// Waits until a restoration has ended.
  ///
  /// - Parameter progress: called with the progress so far.
  /// - Throws: `ServiceClientError`.
  public func end(of id: String, progress: (Restoration) -> Void = { _ in }) async throws
    -> Restoration
  {
    while true {
      let restoration = try await restoration(id)
      progress(restoration)
      if restoration.state.isFinal { return restoration }
      try await Task.sleep(for: .seconds(0.5))
    }
  }

  /// Downloads a result to a file, which appears under its name when it is complete.
  /// - Throws: `ServiceClientError`, `FileError`.
  public func download(_ id: String, to path: String, overwrite: Bool = false) async throws {
    for pause in Self.pauses {
      let response = try await send(.GET, "/v1/restorations/\(id)/result")
      let file = try AtomicFile(path, overwrite: overwrite)
      defer { file.discard() }
      do {
        for try await part in response.body {
          try part.withUnsafeReadableBytes { try file.write($0) }
        }
      } catch let error as FileError {
        throw error
      } catch  where !Task.isCancelled {
        // The connection was lost; the download is resumed.
        try await Task.sleep(for: .seconds(pause))
        continue
      }
      return try file.commit()
    }
    throw ServiceClientError.unreachable(server, "the download was interrupted repeatedly")
  }

  /// - Throws: `ServiceClientError`.
  public func cancel(_ id: String) async throws {
    _ = try await send(.POST, "/v1/restorations/\(id)/cancel")
  }

  /// Removes a restoration with its pictures.
  /// - Throws: `ServiceClientError`.
  public func remove(_ id: String) async throws {
    _ = try await send(.DELETE, "/v1/restorations/\(id)")
  }

  private func json<Value: Decodable>(
    _ method: HTTPMethod, _ path: String,
    _ change: (inout HTTPClientRequest) -> Void = { _ in }
  ) async throws -> Value {
    let response = try await send(method, path, change)
    do {
      let body = try await response.body.collect(upTo: 1 << 20)
      return try JSONDecoder().decode(Value.self, from: Data(body.readableBytesView))
    } catch let error as DecodingError {
      throw ServiceClientError.refused(
        0, "this is not an nsarm serve of a known version: \(error)")
    }
  }

  private struct Problem: Decodable { let detail: String }

  /// - Returns: a successful response.
  private func send(
    _ method: HTTPMethod, _ path: String, _ change: (inout HTTPClientRequest) -> Void = { _ in }
  ) async throws -> HTTPClientResponse {
    var failures = 0
    while true {
      try Task.checkCancellation()
      var request = HTTPClientRequest(url: server + path)
      request.method = method
      if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
      change(&request)
      let response: HTTPClientResponse
      do {
        response = try await client.execute(request, timeout: .hours(6))
      } catch {
        try Task.checkCancellation()
        guard hasAnswered.withLock({ $0 }), failures < Self.pauses.count else {
          throw ServiceClientError.unreachable(server, "\(error)")
        }
        try await Task.sleep(for: .seconds(Self.pauses[failures]))
        failures += 1
        continue
      }
      hasAnswered.withLock { $0 = true }
      failures = 0
      if (200..<300).contains(response.status.code) { return response }
      let body = try? await response.body.collect(upTo: 1 << 16)
      if [429, 503].contains(response.status.code) {
        let pause = response.headers.first(name: "Retry-After").flatMap { Double($0) } ?? 5
        try await Task.sleep(for: .seconds(min(max(pause, 1), 300)))
        continue
      }
      let problem = body.flatMap {
        try? JSONDecoder().decode(Problem.self, from: Data($0.readableBytesView))
      }
      throw ServiceClientError.refused(
        Int(response.status.code), problem?.detail ?? response.status.reasonPhrase)
    }
  }
}

/// The reason why a request failed, in one line.
public enum ServiceClientError: LocalizedError, CustomStringConvertible, Equatable, Sendable {
  case address(String)
  case unreachable(String, String)
  /// The status of the response, and the reason it gives.
  case refused(Int, String)

  public var description: String {
    switch self {
    case .address(let text):
      "'\(text)' is not the address of a service, such as http://127.0.0.1:8080"
    case .unreachable(let server, let reason):
      "\(server) cannot be reached (\(oneLine(reason))); is 'nsarm serve' running there?"
    case .refused(_, let reason): reason
    }
  }

  public var errorDescription: String? { description }
}
