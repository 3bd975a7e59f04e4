import Files
import Foundation
import Hummingbird
import Imaging

/// Pictures of jobs as responses.
struct PictureResponse: Sendable {
  let store: JobStore
  let limits: ServiceLimits
  let turns: Turns

  /// A picture as it is kept.
  func file(_ job: Job, _ kind: JobFiles.Kind, isDownload: Bool) -> Response {
    let picture = kind == .input ? job.order.input : job.order.output
    let count = kind == .input ? picture.bytes : job.resultBytes
    var headers: HTTPFields = [
      .contentType: picture.mediaType, .cacheControl: "private, max-age=3600, immutable",
    ]
    if isDownload { headers[.contentDisposition] = Self.disposition(picture.name) }
    return Response(
      status: .ok, headers: headers,
      body: ResponseBody(contentLength: count) { [files = store.files, id = job.id] writer in
        var number = 0
        while let part = try await files.part(id, kind, number) {
          try await writer.write(ByteBuffer(bytes: part))
          number += 1
        }
        try await writer.finish(nil)
      })
  }

  /// A picture upright and as PNG, for browsers that do not show its format.
  func png(_ job: Job, _ kind: JobFiles.Kind) async throws -> Response {
    try await turns.take {
      let folder = try TemporaryFolder()
      defer { folder.remove() }
      let (path, converted) = (folder.path + "/picture", folder.path + "/picture.png")
      try await store.files.copy(job.id, kind, to: path)
      let scale = Int(job.order.settings.scale.rounded(.up))
      var reading = limits.reading
      if kind == .result {
        reading.maximumPixels *= scale * scale
        reading.maximumDimension *= scale
      }
      let data = try await Task.detached { [reading] in
        let picture = try ImageFile.read(path, options: reading)
        try Image(picture.planes()).write(
          to: converted, options: EncodingOptions(effort: 1), overwrite: true)
        return try Data(contentsOf: URL(fileURLWithPath: converted))
      }.value
      return Response(
        status: .ok,
        headers: [
          .contentType: "image/png", .cacheControl: "private, max-age=3600, immutable",
        ], body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
    }
  }

  /// RFC 6266: the name in ASCII, and as it is.
  private static func disposition(_ name: String) -> String {
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

/// Lets a few callers at a time do what takes memory and processors.
actor Turns {
  private var free: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(_ count: Int) { free = count }

  func take<Value: Sendable>(_ body: @Sendable () async throws -> Value) async rethrows -> Value {
    if free > 0 {
      free -= 1
    } else {
      await withCheckedContinuation { waiting.append($0) }
    }
    defer {
      if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
    return try await body()
  }
}
