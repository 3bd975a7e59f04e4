import Files
import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Captions from a server that speaks OpenAI's protocol for chats and knows a vision model, such as
/// llama.cpp's or Ollama's: `POST BASE/v1/chat/completions` with the picture as a data URL.
public struct CaptionEndpoint: Sendable {
  /// What is posted to.
  public let url: URL
  /// The model's name; nil: the server has one model only.
  public let model: String?
  /// Sent as bearer token where it is set.
  public var key: String?
  /// Seconds that an answer may take.
  public var patience = 300.0
  /// How often a request is sent at most, and the seconds before the second time, doubled each
  /// time after.
  public var attempts = 3
  public var pause = 1.0

  /// The question by which NSARM's captions were made.
  public static let question =
    "Describe this image and its style in a very detailed manner."

  /// The most bytes of an answer.
  private static let longest = 4 << 20

  /// - Parameter base: `http://HOST:PORT`, with or without `/v1`.
  /// - Throws: `CaptionError.address` where it is no such address.
  public init(_ base: String, model: String? = nil) throws {
    var text = base
    while text.hasSuffix("/") { text.removeLast() }
    if text.hasSuffix("/v1") { text.removeLast(3) }
    guard let url = URL(string: text + "/v1/chat/completions"),
      ["http", "https"].contains(url.scheme?.lowercased()), url.host?.isEmpty == false,
      url.query == nil, url.fragment == nil
    else { throw CaptionError.address(base) }
    self.url = url
    self.model = model
  }

  /// The caption of a picture, on one line.
  ///
  /// - Parameters:
  ///   - jpeg: the picture as a JPEG file.
  ///   - shouldStop: asked several times a second.
  /// - Throws: `CaptionError`; `CancellationError` where `shouldStop` says so.
  public func callAsFunction(jpeg: Data, shouldStop: () -> Bool = { false }) throws -> String {
    var pause = pause
    for attempt in 1... {
      do {
        return try Self.caption(in: try answer(try request(jpeg), shouldStop), url)
      } catch let error as CaptionError where error.mayPass && attempt < attempts {
        let end = Date(timeIntervalSinceNow: pause)
        while Date() < end {
          if shouldStop() { throw CancellationError() }
          Thread.sleep(forTimeInterval: min(0.1, pause))
        }
        pause *= 2
      }
    }
    preconditionFailure("the last attempt returns or throws")
  }

  private func request(_ jpeg: Data) throws -> URLRequest {
    let picture = "data:image/jpeg;base64," + jpeg.base64EncodedString()
    let content: [[String: Any]] = [
      ["type": "text", "text": Self.question],
      ["type": "image_url", "image_url": ["url": picture]],
    ]
    var body: [String: Any] = [
      "messages": [["role": "user", "content": content] as [String: Any]],
      "max_tokens": 512, "temperature": 0.2, "top_p": 0.7, "stream": false,
    ]
    if let model { body["model"] = model }
    var request = URLRequest(url: url)
    request.httpMethod = "POST"
    request.setValue("application/json", forHTTPHeaderField: "Content-Type")
    if let key { request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization") }
    request.httpBody = try JSONSerialization.data(withJSONObject: body)
    request.timeoutInterval = patience + 60  // `answer` ends it before
    return request
  }

  /// What a request came to; written by the session's queue, read after the semaphore.
  private final class Answer: @unchecked Sendable {
    var data = Data()
    var response: URLResponse?
    var error: (any Error)?
  }

  private func answer(_ request: URLRequest, _ shouldStop: () -> Bool) throws -> Data {
    let session = URLSession(configuration: .ephemeral)
    defer { session.invalidateAndCancel() }
    let (result, done) = (Answer(), DispatchSemaphore(value: 0))
    let task = session.dataTask(with: request) { data, response, error in
      (result.data, result.response, result.error) = (data ?? Data(), response, error)
      done.signal()
    }
    task.resume()
    let end = Date(timeIntervalSinceNow: patience)
    while done.wait(timeout: .now() + 0.05) == .timedOut {
      if shouldStop() { throw CancellationError() }
      guard Date() < end else {
        throw CaptionError.unreachable(url, "no answer within \(Int(patience.rounded(.up))) s")
      }
      guard task.countOfBytesReceived <= Self.longest else {
        throw CaptionError.unusable(url, "has more than \(Self.longest) bytes")
      }
    }
    if let error = result.error {
      throw CaptionError.unreachable(url, oneLine(error.localizedDescription, limit: 200))
    }
    guard let response = result.response as? HTTPURLResponse else {
      throw CaptionError.unusable(url, "is none of HTTP")
    }
    guard response.statusCode == 200 else {
      throw CaptionError.refused(url, status: response.statusCode, Self.message(in: result.data))
    }
    return result.data
  }

  private struct Completion: Decodable {
    struct Choice: Decodable {
      struct Message: Decodable { let content: String? }
      let message: Message
    }
    let choices: [Choice]
  }

  private static func caption(in data: Data, _ url: URL) throws -> String {
    guard let completion = try? JSONDecoder().decode(Completion.self, from: data) else {
      throw CaptionError.unusable(url, "is no completion of a chat: \(start(of: data))")
    }
    let text = completion.choices.first?.message.content ?? ""
    let words = text.split(whereSeparator: \.isWhitespace)
    guard !words.isEmpty else { throw CaptionError.unusable(url, "holds no text") }
    return words.joined(separator: " ")
  }

  private struct Failure: Decodable {
    struct Reason: Decodable { let message: String }
    let error: Reason
  }

  /// The server's own words.
  private static func message(in data: Data) -> String {
    (try? JSONDecoder().decode(Failure.self, from: data)).map {
      oneLine($0.error.message, limit: 200)
    }
      ?? start(of: data)
  }

  private static func start(of data: Data) -> String {
    data.isEmpty
      ? "nothing" : oneLine(String(decoding: data.prefix(800), as: UTF8.self), limit: 200)
  }
}
