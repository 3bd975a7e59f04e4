import Files
import Foundation
import Synchronization

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Captions from a server with a vision model that implements OpenAI's chat protocol, such as
/// llama.cpp or Ollama: `POST BASE/v1/chat/completions` with the picture as a data URL.
public struct CaptionEndpoint: Sendable {
  /// The URL that requests are sent to.
  public let url: URL
  /// The model's name; nil for a server with a single model.
  public let model: String?
  /// A bearer token; nil for none.
  public var key: String?
  /// The largestAnswer time to wait for an answer, in seconds.
  public var timeout = 300.0
  /// The largest number of attempts per request, and the seconds before the second one, doubled
  /// before each further one.
  public var attempts = 3
  public var retryDelay = 1.0

  /// The prompt that NSARM's captions were generated with.
  public static let question =
    "Describe this image and its style in a very detailed manner."

  /// The largest accepted answer, in bytes.
  private static let largestAnswer = 4 << 20

  /// - Parameter base: `http://HOST:PORT`, with or without `/v1`.
  /// - Throws: `CaptionError.address` where it is not such an address.
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
  ///   - shouldStop: called several times a second.
  /// - Throws: `CaptionError`; `CancellationError` where `shouldStop` returns true.
  public func callAsFunction(jpeg: Data, shouldStop: () -> Bool = { false }) throws -> String {
    var retryDelay = retryDelay
    for attempt in 1... {
      do {
        return try Self.caption(in: try answer(try request(jpeg), shouldStop), url)
      } catch let error as CaptionError where error.isTransient && attempt < attempts {
        let end = Date(timeIntervalSinceNow: retryDelay)
        while Date() < end {
          if shouldStop() { throw CancellationError() }
          Thread.sleep(forTimeInterval: min(0.1, retryDelay))
        }
        retryDelay *= 2
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
    request.timeoutInterval = timeout + 60  // `answer` ends it before
    return request
  }

  private func answer(_ request: URLRequest, _ shouldStop: () -> Bool) throws -> Data {
    let session = URLSession(configuration: .ephemeral)
    defer { session.invalidateAndCancel() }
    let result = Mutex<(data: Data?, response: URLResponse?, error: (any Error)?)>((nil, nil, nil))
    let done = DispatchSemaphore(value: 0)
    let task = session.dataTask(with: request) { data, response, error in
      result.withLock { $0 = (data, response, error) }
      done.signal()
    }
    task.resume()
    let end = Date(timeIntervalSinceNow: timeout)
    while done.wait(timeout: .now() + 0.05) == .timedOut {
      if shouldStop() { throw CancellationError() }
      guard Date() < end else {
        throw CaptionError.unreachable(url, "no answer within \(Int(timeout.rounded(.up))) s")
      }
      guard task.countOfBytesReceived <= Self.largestAnswer else {
        throw CaptionError.unusable(url, "has more than \(Self.largestAnswer) bytes")
      }
    }
    let (data, response, error) = result.withLock { $0 }
    if let error {
      throw CaptionError.unreachable(url, oneLine(error.localizedDescription, limit: 200))
    }
    guard let response = response as? HTTPURLResponse else {
      throw CaptionError.unusable(url, "is not an HTTP response")
    }
    guard response.statusCode == 200 else {
      throw CaptionError.refused(
        url, status: response.statusCode, Self.message(in: data ?? Data()))
    }
    return data ?? Data()
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
      throw CaptionError.unusable(url, "is not a chat completion: \(start(of: data))")
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

  /// The server's error message.
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
