import Files
import Foundation
import HTTPTypes
import Hummingbird
import Imaging
import NIOCore
import Upscaling

/// An uploaded picture in a temporary folder, with its settings.
struct Upload: Sendable {
  var name = "picture"
  var settings = RestorationSettings()
  /// Removed with its contents once the upload has been handled.
  let folder: TemporaryFolder
  var hasPicture = false

  var path: String { folder.path + "/upload" }

  /// - Parameter scratch: the parent of the folder; nil: that of temporary files.
  init(in scratch: String?) throws { folder = try TemporaryFolder(in: scratch) }

  /// Receives the body of a request.
  ///
  /// - Throws: `Problem`, also if the upload exceeds a limit of size or time.
  static func receive(
    _ request: Request, _ context: ClientContext, _ limits: ServiceLimits, in scratch: String?
  ) async throws -> Upload {
    if let length = request.headers[.contentLength].flatMap({ Int($0) }),
      length > limits.bodyBytes
    {
      throw tooLarge(limits.bodyBytes)
    }
    let receiver = try receiver(request.headers[.contentType] ?? "", scratch)
    context.sendContinue(request)
    let timeout = UploadTimeout(limits)
    return try await withThrowingTaskGroup(of: Upload.self) { group in
      group.addTask {
        var count = 0
        for try await chunk in request.body {
          timeout.received()
          count += chunk.readableBytes
          guard count <= limits.bodyBytes else { throw tooLarge(limits.bodyBytes) }
          try await BlockingWork.run { try receiver.take(chunk) }
        }
        return try await BlockingWork.run { try receiver.finish() }
      }
      group.addTask { throw try await timeout.expiry() }
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

  /// A client's file name in a form that is fit for display and as a suggestion to browsers:
  /// without folders and control characters, at most 100 characters. It never names a file of the
  /// server.
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
