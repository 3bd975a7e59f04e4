import Foundation
import Hummingbird

/// Responses with the pictures of jobs. Pictures never change, so clients may cache them and resume
/// downloads.
struct PictureResponse: Sendable {
  let store: JobStore
  let displays: DisplayMaker

  /// A picture in the form in which it is stored.
  /// - Parameter isDownload: whether browsers save it instead of displaying it.
  func file(_ job: Job, _ kind: JobFiles.Kind, _ request: Request, isDownload: Bool) throws
    -> Response
  {
    let picture = kind == .input ? job.order.input : job.order.output
    let count = kind == .input ? picture.bytes : job.resultBytes
    var headers: HTTPFields = [.contentType: picture.mediaType]
    if isDownload { headers[.contentDisposition] = Self.disposition(picture.name) }
    return try response(to: request, tag: Self.tag(job, kind), count: count ?? 0, headers) {
      [files = store.files, id = job.id] range, take in
      try await files.stream(id, kind, range, take)
    }
  }

  /// A picture in a form that every browser can display, made at the first request.
  func display(_ job: Job, _ kind: JobFiles.Kind, _ request: Request) async throws -> Response {
    let (tag, display) = (Self.tag(job, kind.display), kind.display)
    if request.knows(tag) { return Self.known(tag) }
    let headers: HTTPFields = [.contentType: "image/webp"]
    switch try await displays.display(job, kind) {
    case .kept(let count):
      return try response(to: request, tag: tag, count: count, headers) {
        [files = store.files, id = job.id] range, take in
        try await files.stream(id, display, range, take)
      }
    case .unkept(let data):
      return try response(to: request, tag: tag, count: data.count, headers) { range, take in
        try await take(data[range])
      }
    }
  }

  /// The preview of a running restoration, or the thumbnail of a result.
  func preview(_ job: Job) async throws -> Response {
    guard let picture = try await store.files.preview(job.id) else {
      throw Problem(.conflict, "no_preview", "there is no preview yet")
    }
    return Response(
      status: .ok,
      headers: [.contentType: MediaType.sniffed(picture), .cacheControl: "private, max-age=60"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: picture)))
  }

  private func response(
    to request: Request, tag: String, count: Int, _ headers: HTTPFields,
    _ stream:
      @escaping @Sendable (Range<Int>, (Data) async throws -> Void) async throws -> Void
  ) throws -> Response {
    try request.requireMatch(tag)
    if request.knows(tag) { return Self.known(tag) }
    var (status, range) = (HTTPResponse.Status.ok, 0..<count)
    var headers = headers
    headers[.eTag] = tag
    headers[.cacheControl] = Self.caching
    headers[.acceptRanges] = "bytes"
    switch ByteRange(request, tag: tag, count: count) {
    case .whole: break
    case .part(let part):
      (status, range) = (.partialContent, part)
      headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(count)"
    case .unsatisfiable:
      var problem = Problem(
        .rangeNotSatisfiable, "range_not_satisfiable", "the picture has \(count) bytes")
      problem.headers[.contentRange] = "bytes */\(count)"
      throw problem
    }
    return Response(
      status: status, headers: headers,
      body: ResponseBody(contentLength: range.count) { [range] writer in
        try await stream(range) { try await writer.write(ByteBuffer(bytes: $0)) }
        try await writer.finish(nil)
      })
  }

  private static let caching = "private, max-age=3600, immutable"

  private static func tag(_ job: Job, _ kind: JobFiles.Kind) -> String {
    "\"\(JobStore.name(job.id))-\(kind.rawValue)\""
  }

  private static func known(_ tag: String) -> Response {
    Response(status: .notModified, headers: [.eTag: tag, .cacheControl: caching])
  }

  /// The header of RFC 6266 with the name in ASCII and in UTF-8.
  static func disposition(_ name: String) -> String {
    let ascii = String(name.map { $0.isASCII && $0 != "\"" && $0 != "\\" && $0 != "%" ? $0 : "_" })
    let encoded =
      name.addingPercentEncoding(withAllowedCharacters: .alphanumerics.intersection(.ascii))
      ?? ascii
    return "attachment; filename=\"\(ascii)\"; filename*=UTF-8''\(encoded)"
  }
}

extension CharacterSet {
  fileprivate static let ascii = CharacterSet(charactersIn: "\u{20}"..."\u{7e}")
}
