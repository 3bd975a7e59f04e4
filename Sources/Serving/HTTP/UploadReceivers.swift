import Files
import Foundation
import NIOCore

/// Receives the body of an upload in chunks and writes the picture to its file. The classes are not
/// checked for sendability: calls are serial, on threads that may block.
protocol UploadReceiver: AnyObject, Sendable {
  /// - Throws: `Problem`, `InvalidSetting`, `FileError`.
  func take(_ chunk: ByteBuffer) throws

  /// The upload, once the body is complete.
  func finish() throws -> Upload
}

/// A form (RFC 7578) with the file in the field `image`.
final class UploadForm: UploadReceiver, @unchecked Sendable {
  private var parser: MultipartParser
  private var upload: Upload
  private var file: AtomicFile?
  /// The field of settings being read, and its value so far.
  private var (field, text): (String?, [UInt8]) = (nil, [])
  private var parts = 0

  private static let maximumParts = 100
  private static let maximumFieldBytes = 1000

  init(_ parser: MultipartParser, in scratch: String?) throws {
    (self.parser, upload) = (parser, try Upload(in: scratch))
  }

  func take(_ chunk: ByteBuffer) throws {
    do {
      try parser.parse(chunk.readableBytesView) { try handle($0) }
    } catch is MultipartParser.Malformed {
      throw Self.malformed
    }
  }

  func finish() throws -> Upload {
    guard parser.isComplete else { throw Self.malformed }
    return upload
  }

  private func handle(_ event: MultipartParser.Event) throws {
    switch event {
    case .part(let name, let fileName):
      parts += 1
      guard parts <= Self.maximumParts else {
        throw Problem(.badRequest, "malformed", "the form has more than \(Self.maximumParts) parts")
      }
      guard name == "image" else {
        (field, text) = (name, [])
        return
      }
      guard !upload.hasPicture else {
        throw Problem(.badRequest, "two_images", "a request can have only one picture")
      }
      upload.hasPicture = true
      upload.name = Upload.displayName(fileName)
      file = try AtomicFile(upload.path)
    case .bytes(let bytes):
      if let field {
        text += bytes
        guard text.count <= Self.maximumFieldBytes else {
          throw Problem(
            .badRequest, "malformed", "the field '\(oneLine(String(field.prefix(40))))' is too long"
          )
        }
      } else {
        try bytes.withUnsafeBytes { try file?.write($0) }
      }
    case .partEnd:
      if let field {
        let value = SettingValue(field: String(decoding: text, as: UTF8.self))
        try upload.settings.set(field, value)
      } else {
        try file?.commit()
        file = nil
      }
      field = nil
    }
  }

  private static let malformed = Problem(
    .badRequest, "malformed", "the form is truncated or does not conform to RFC 7578")
}

/// A JSON object with the file in base64 in `image`.
final class UploadJSON: UploadReceiver, @unchecked Sendable {
  private var scanner = JSONImageScanner()
  private var decoder = Base64Decoder()
  private var upload: Upload
  private let file: AtomicFile

  init(in scratch: String?) throws {
    upload = try Upload(in: scratch)
    file = try AtomicFile(upload.path)
  }

  /// The size of what is kept of the object; the picture is written to the file as it arrives.
  var bytesInMemory: Int { scanner.rest.count }

  func take(_ chunk: ByteBuffer) throws {
    do {
      try chunk.withUnsafeReadableBytes { bytes in
        try scanner.scan(bytes) { text in
          try decoder.decode(text).withUnsafeBytes { if !$0.isEmpty { try file.write($0) } }
        }
      }
    } catch is Base64Decoder.Malformed {
      throw Self.notBase64
    } catch JSONImageScanner.Malformed.twoImages {
      throw Problem(.badRequest, "two_images", "a request can have only one picture")
    } catch JSONImageScanner.Malformed.tooLong {
      throw Problem(
        .badRequest, "malformed",
        "without 'image', the object has more than \(JSONImageScanner.maximumRestBytes) bytes")
    } catch is JSONImageScanner.Malformed {
      throw Problem(.badRequest, "malformed", "the body is not a JSON object")
    }
  }

  private struct Body: Decodable {
    /// Emptied by the scanner.
    let image: String
    let name: String?
    let settings: [String: SettingValue]?
  }

  func finish() throws -> Upload {
    let rest = Data(scanner.rest)
    guard let object = try? JSONSerialization.jsonObject(with: rest) as? [String: Any] else {
      throw Problem(.badRequest, "malformed", "the body is not a JSON object")
    }
    if let unknown = object.keys.sorted().first(where: {
      !["image", "name", "settings"].contains($0)
    }) {
      throw Problem(
        .unprocessableContent, "invalid_setting",
        "'\(oneLine(String(unknown.prefix(40))))' is unknown;"
          + " the members are image, name and settings"
      )
    }
    guard let content = try? JSONDecoder().decode(Body.self, from: rest), scanner.hasImage else {
      throw Problem(
        .unprocessableContent, "invalid_setting",
        "'image' must be text (base64), 'name' text and 'settings' an object")
    }
    for (name, value) in (content.settings ?? [:]).sorted(by: { $0.key < $1.key }) {
      try upload.settings.set(name, value)
    }
    guard (try? decoder.finish()) != nil, try file.byteCount > 0 else { throw Self.notBase64 }
    upload.name = Upload.displayName(content.name)
    try file.commit()
    upload.hasPicture = true
    return upload
  }

  private static let notBase64 = Problem(
    .unprocessableContent, "not_base64", "'image' is not valid base64")
}
