import Files
import Foundation
import HTTPTypes
import Hummingbird
import Imaging
import NIOCore
import Upscaling

/// A picture that a client sends, in a file of its own, with the settings beside it.
struct Upload: Sendable {
  var name = "picture"
  var settings = RestorationSettings()
  /// Removed with everything in it when the upload is dealt with.
  let folder: TemporaryFolder
  var hasPicture = false

  var path: String { folder.path + "/upload" }

  /// - Parameter scratch: where its folder is made; nil: among the temporary files.
  init(in scratch: String?) throws { folder = try TemporaryFolder(in: scratch) }

  /// Receives a request's body.
  ///
  /// - Throws: `Problem`; also when it takes longer than the limits allow.
  static func receive(
    _ request: Request, _ context: ClientContext, _ limits: ServiceLimits, in scratch: String?
  ) async throws -> Upload {
    if let length = request.headers[.contentLength].flatMap({ Int($0) }),
      length > limits.bodyBytes
    {
      throw tooLarge(limits.bodyBytes)
    }
    let receiver = try receiver(request.headers[.contentType] ?? "", scratch)
    context.invite(request)
    let pulse = Pulse(limits)
    return try await withThrowingTaskGroup(of: Upload.self) { group in
      group.addTask {
        var count = 0
        for try await chunk in request.body {
          pulse.beat()
          count += chunk.readableBytes
          guard count <= limits.bodyBytes else { throw tooLarge(limits.bodyBytes) }
          try await BlockingWork.run { try receiver.take(chunk) }
        }
        return try await BlockingWork.run { try receiver.finish() }
      }
      group.addTask { throw try await pulse.end() }
      defer { group.cancelAll() }
      let upload = try await group.next()!
      guard upload.hasPicture else {
        throw Problem(.badRequest, "no_image", "the field 'image' with the picture is missing")
      }
      return upload
    }
  }

  private static func receiver(_ contentType: String, _ scratch: String?) throws
    -> any UploadReceiver
  {
    if let parser = MultipartParser(contentType: contentType) {
      return try UploadForm(parser, in: scratch)
    }
    let mediaType = contentType.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces)
    guard mediaType.lowercased() == "application/json" else {
      throw Problem(
        .unsupportedMediaType, "unsupported_media_type",
        "send multipart/form-data with the file in 'image', or application/json")
    }
    return try UploadJSON(in: scratch)
  }

  private static func tooLarge(_ limit: Int) -> Problem {
    Problem(
      .contentTooLarge, "body_too_large",
      "more than \(limit) bytes were sent; the limit is \(limit / 1_000_000) MB")
  }

  /// A client's name for a file, for people's eyes and as a suggestion to browsers: no folders, no
  /// control characters, not endless. It never names a file here.
  static func displayName(_ name: String?) -> String {
    let last = (name ?? "").split(whereSeparator: { $0 == "/" || $0 == "\\" }).last ?? ""
    let visible = last.unicodeScalars.filter {
      !$0.properties.isDefaultIgnorableCodePoint && $0.properties.generalCategory != .control
    }
    let text = String(String.UnicodeScalarView(visible)).trimmingCharacters(in: .whitespaces)
    guard !text.isEmpty, text != ".", text != ".." else { return "picture" }
    guard text.count > 100 else { return text }
    let suffix = (text as NSString).pathExtension.prefix(10)
    return text.prefix(90) + (suffix.isEmpty ? "" : "." + suffix)
  }
}
