import CWebApp
import Foundation
import Hummingbird

/// The files of the web app and the API description, which are embedded in the program.
enum WebApp {
  struct File: Sendable {
    let name, mediaType: String
    let bytes: ByteBuffer
    /// An entity tag that changes with the contents.
    let tag: String
  }

  static let files: [File] = (0..<cwebapp_count()).map { index in
    let file = cwebapp_at(index).pointee
    let bytes = UnsafeBufferPointer(start: file.bytes, count: file.count)
    // FNV-1a suffices to distinguish versions.
    let hash = bytes.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return File(
      name: String(cString: file.name), mediaType: String(cString: file.media_type),
      bytes: ByteBuffer(bytes: bytes), tag: "\"\(String(hash, radix: 16))\"")
  }
}

extension WebApp.File {
  /// The file, or status 304 if the client has it.
  func response(to request: Request) -> Response {
    var headers: HTTPFields = [.eTag: tag, .cacheControl: "no-cache"]
    if request.headers[.ifNoneMatch] == tag {
      return Response(status: .notModified, headers: headers)
    }
    headers[.contentType] = mediaType
    return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: bytes))
  }
}
