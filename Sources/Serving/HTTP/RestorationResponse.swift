import Foundation
import Hummingbird

/// A job in the API's representation; absent values are null.
struct RestorationResponse: Encodable {
  let job: Job

  private enum Key: String, CodingKey {
    case id, revision, name, state, created, started, finished, expires, settings, input, output
    case position, progress, tiles, scales, secondsLeft, preview, warnings, error, seconds
    case cancelling, source
    case width, height, bytes, mediaType, contents
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(JobStore.name(job.id), forKey: .id)
    try container.encode(job.revision, forKey: .revision)
    try container.encode(job.order.input.name, forKey: .name)
    try container.encode(job.state, forKey: .state)
    try container.encode(job.isCancelling && !job.state.isFinal, forKey: .cancelling)
    try container.encode(job.source.map(JobStore.name), forKey: .source)
    try container.encode(job.created.formatted(Self.dates), forKey: .created)
    try container.encode(job.started?.formatted(Self.dates), forKey: .started)
    try container.encode(job.finished?.formatted(Self.dates), forKey: .finished)
    try container.encode(job.expires?.formatted(Self.dates), forKey: .expires)
    try container.encode(job.order.settings, forKey: .settings)
    let input = job.order.input
    var picture = container.nestedContainer(keyedBy: Key.self, forKey: .input)
    try picture.encode(input.width, forKey: .width)
    try picture.encode(input.height, forKey: .height)
    try picture.encode(input.bytes, forKey: .bytes)
    try picture.encode(input.mediaType, forKey: .mediaType)
    try picture.encode(input.summary, forKey: .contents)
    let output = job.order.output
    picture = container.nestedContainer(keyedBy: Key.self, forKey: .output)
    try picture.encode(output.width, forKey: .width)
    try picture.encode(output.height, forKey: .height)
    try picture.encode(job.resultBytes, forKey: .bytes)
    try picture.encode(output.mediaType, forKey: .mediaType)
    try picture.encode(output.summary, forKey: .contents)
    try picture.encode(output.name, forKey: .name)
    try container.encode(job.position, forKey: .position)
    try container.encode(
      job.state == .succeeded ? 1 : job.progress?.share ?? 0, forKey: .progress)
    let isRunning = job.state == .running
    try container.encode(isRunning ? job.progress?.tiles : nil, forKey: .tiles)
    try container.encode(isRunning ? job.progress?.scales : nil, forKey: .scales)
    try container.encode(isRunning ? job.progress?.secondsLeft : nil, forKey: .secondsLeft)
    try container.encode(job.preview, forKey: .preview)
    try container.encode(job.warnings, forKey: .warnings)
    try container.encode(job.error, forKey: .error)
    try container.encode(job.seconds, forKey: .seconds)
  }

  private static let dates = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
}

struct RestorationList: Encodable {
  let restorations: [RestorationResponse]
  /// The cursor of the next page; nil after the last.
  let next: String?

  private enum Key: String, CodingKey { case restorations, next }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(restorations, forKey: .restorations)
    try container.encode(next, forKey: .next)
  }
}

/// The number of restorations that an operation affected.
struct RestorationCount: Encodable {
  let count: Int
}

extension Response {
  /// A JSON response.
  init(
    _ value: some Encodable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
  ) throws {
    var headers = headers
    headers[.contentType] = "application/json"
    headers[.cacheControl] = "no-store"
    self.init(
      status: status, headers: headers,
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: try JSONEncoder.api.encode(value))))
  }
}

extension JSONEncoder {
  /// The API's encoder: keys are sorted, so that equal values have equal texts.
  static var api: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }
}
