import Foundation
import Imaging
import Logging
import ModelTestSupport
import NSARM
import ServiceLifecycle
import TestSupport
import Torch
import Upscaling

@testable import Serving

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// A service with tiny models on a free port of this machine, and a client.
final class TestService: Sendable {
  let base: String
  let port: Int
  /// The models of the service.
  let models: ModelShelf
  private let token: String?

  private init(_ port: Int, _ models: ModelShelf, token: String?) {
    (base, self.port) = ("http://127.0.0.1:\(port)", port)
    (self.models, self.token) = (models, token)
  }

  /// Runs `body` while the service is running.
  /// - Parameters:
  ///   - restores: whether it has a worker.
  ///   - models: the models it offers; nil: the tiny model alone.
  ///   - workerModels: the models of its worker; nil: the same.
  ///   - listen: changes the listening options.
  static func with(
    _ folder: ScratchFolder, restores: Bool = true, token: String? = nil,
    _ limits: ServiceLimits = ServiceLimits(), models: ModelShelf? = nil,
    workerModels: ModelShelf? = nil, logger: Logger = silent,
    listen change: (inout RestorationService.ListenOptions) -> Void = { _ in },
    body: @Sendable (TestService) async throws -> Void
  ) async throws {
    var service = try await RestorationService(.folder(folder("data")), logger: logger)
    service.limits = limits
    var listen = RestorationService.ListenOptions()
    (listen.port, listen.token) = (0, token)
    change(&listen)
    let models = try models ?? TinyModel.shelf(["tiny"], in: folder)
    let (ports, found) = AsyncStream.makeStream(of: Int.self)
    let server = service.server(
      listen, models: models, version: "1"
    ) {
      found.yield($0)
      found.finish()
    }
    let worker = restores ? [service.worker(workerModels ?? models)] : []
    let group = ServiceGroup(
      configuration: .init(services: worker + [service.caretaker(), server], logger: logger))
    let running = Task { try await group.run() }
    var port: Int?
    for await number in ports { port = number }
    let result: Result<Void, any Error>
    do {
      result = .success(try await body(TestService(port!, models, token: token)))
    } catch {
      result = .failure(error)
    }
    await group.triggerGracefulShutdown()
    try await running.value
    try result.get()
  }

  struct Answer {
    let status: Int
    let headers: [AnyHashable: Any]
    let body: Data

    func header(_ name: String) -> String? {
      headers.first { "\($0.key)".lowercased() == name.lowercased() }.map { "\($0.value)" }
    }

    var json: [String: Any] {
      get throws {
        try JSONSerialization.jsonObject(with: body) as? [String: Any] ?? [:]
      }
    }

    var code: String? { (try? json)?["code"] as? String }
    var text: String { String(decoding: body, as: UTF8.self) }
  }

  func send(
    _ method: String, _ path: String, body: Data? = nil, _ headers: [String: String] = [:],
    asks: Bool = true
  ) async throws -> Answer {
    var request = URLRequest(url: URL(string: base + path)!)
    request.httpMethod = method
    request.httpBody = body
    request.timeoutInterval = 300
    if let token, asks { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
    for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
    let session = URLSession(configuration: .ephemeral)
    defer { session.finishTasksAndInvalidate() }
    let (data, response) = try await session.data(for: request)
    let http = response as! HTTPURLResponse
    return Answer(status: http.statusCode, headers: http.allHeaderFields, body: data)
  }

  func upload(_ picture: Data, name: String = "photo.png", _ fields: [String: String] = [:])
    async throws -> Answer
  {
    var body = Data()
    for (field, value) in fields {
      body += Data(
        "--x\r\nContent-Disposition: form-data; name=\"\(field)\"\r\n\r\n\(value)\r\n".utf8)
    }
    body += Data(
      "--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"\(name)\"\r\n\r\n".utf8)
    body += picture + Data("\r\n--x--\r\n".utf8)
    return try await send(
      "POST", "/v1/restorations", body: body,
      ["Content-Type": "multipart/form-data; boundary=x"])
  }

  /// The events of a restoration until it has ended.
  func events(_ id: String) async throws -> [[String: Any]] {
    let answer = try await send("GET", "/v1/restorations/\(id)/events")
    return try answer.text.components(separatedBy: "\n\n").compactMap { event in
      guard let data = event.split(separator: "\n").first(where: { $0.hasPrefix("data: ") }) else {
        return nil
      }
      return try JSONSerialization.jsonObject(with: Data(data.dropFirst(6).utf8))
        as? [String: Any]
    }
  }
}

/// Unchecked: Foundation types header fields as `Any`; they are strings.
extension TestService.Answer: @unchecked Sendable {}

/// The services' logs are discarded; tests report failures themselves.
let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
