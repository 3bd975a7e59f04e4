import Files
import Foundation
import HTTPTypes
import Hummingbird
import Imaging
import NIOCore
import Upscaling

/// A picture that a client sends, in a file of its own, with the settings beside it.
struct Upload: Sendable {
  private(set) var name = "picture"
  private(set) var settings = RestorationSettings()
  /// Removed with everything in it when the upload is dealt with.
  let folder: TemporaryFolder
  private var hasPicture = false

  var path: String { folder.path + "/upload" }

  private init() throws { folder = try TemporaryFolder() }

  /// Receives a request's body.
  ///
  /// - Throws: `Problem`; also when it takes longer than the limit.
  static func receive(_ request: Request, _ limits: ServiceLimits) async throws -> Upload {
    let contentType = request.headers[.contentType] ?? ""
    if let length = request.headers[.contentLength].flatMap({ Int($0) }),
      length > limits.bodyBytes
    {
      throw tooLarge(limits.bodyBytes)
    }
    return try await withThrowingTaskGroup(of: Upload?.self) { group in
      group.addTask {
        if let parser = MultipartParser(contentType: contentType) {
          return try await form(request.body, parser, limits)
        }
        let mediaType = contentType.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces)
        guard mediaType.lowercased() == "application/json" else {
          throw Problem(
            .unsupportedMediaType, "unsupported_media_type",
            "send multipart/form-data with the file in 'image', or application/json")
        }
        return try await json(request.body, limits)
      }
      group.addTask {
        try await Task.sleep(for: .seconds(limits.secondsPerUpload))
        return nil
      }
      defer { group.cancelAll() }
      guard let upload = try await group.next()! else {
        throw Problem(
          .requestTimeout, "too_slow",
          "the upload took longer than \(Int(limits.secondsPerUpload)) s")
      }
      guard upload.hasPicture else {
        throw Problem(.badRequest, "no_image", "the field 'image' with the picture is missing")
      }
      return upload
    }
  }

  private static func tooLarge(_ limit: Int) -> Problem {
    Problem(
      .contentTooLarge, "body_too_large",
      "more than \(limit) bytes were sent; the limit is \(limit / 1_000_000) MB")
  }

  // MARK: Forms

  private static func form(_ body: RequestBody, _ parser: MultipartParser, _ limits: ServiceLimits)
    async throws -> Upload
  {
    var (upload, parser) = (try Upload(), parser)
    var file: AtomicFile?
    defer { file?.discard() }
    var (field, text): (String?, [UInt8]) = (nil, [])
    var count = 0
    do {
      for try await chunk in body {
        count += chunk.readableBytes
        guard count <= limits.bodyBytes else { throw tooLarge(limits.bodyBytes) }
        try parser.parse(chunk.readableBytesView) { event in
          switch event {
          case .part(name: "image", let fileName):
            guard !upload.hasPicture else {
              throw Problem(.badRequest, "two_images", "one picture is taken at a time")
            }
            upload.hasPicture = true
            upload.name = displayName(fileName)
            file = try AtomicFile(upload.path)
          case .part(let name, _): (field, text) = (name, [])
          case .bytes(let bytes):
            if field == nil {
              try bytes.withUnsafeBytes { try file?.write($0) }
            } else {
              text += bytes
              guard text.count <= 1000 else {
                throw Problem(
                  .badRequest, "malformed",
                  "the field '\(oneLine(field!.prefix(40) + ""))' is too long")
              }
            }
          case .partEnd:
            if let name = field {
              let value = SettingValue(field: String(decoding: text, as: UTF8.self))
              try upload.settings.set(name, value)
            } else {
              try file?.commit()
              file = nil
            }
            field = nil
          }
        }
      }
    } catch is MultipartParser.Malformed {
      throw malformed
    }
    guard parser.isComplete else { throw malformed }
    return upload
  }

  private static let malformed = Problem(
    .badRequest, "malformed", "the form is cut short or not as RFC 7578 wants it")

  // MARK: JSON

  private struct Body: Decodable {
    let image: String
    let name: String?
    let settings: [String: SettingValue]?
  }

  private static func json(_ body: RequestBody, _ limits: ServiceLimits) async throws -> Upload {
    let limit = min(limits.bodyBytes, ServiceLimits.jsonBytes)
    var bytes = Data()
    for try await chunk in body {
      bytes.append(contentsOf: chunk.readableBytesView)
      guard bytes.count <= limit else { throw tooLarge(limit) }
    }
    guard let object = try? JSONSerialization.jsonObject(with: bytes) as? [String: Any] else {
      throw Problem(.badRequest, "malformed", "the body is no JSON object")
    }
    if let unknown = object.keys.sorted().first(where: {
      !["image", "name", "settings"].contains($0)
    }) {
      throw Problem(
        .unprocessableContent, "invalid_setting",
        "'\(oneLine(String(unknown.prefix(40))))' is not known; there are image, name, settings")
    }
    guard let content = try? JSONDecoder().decode(Body.self, from: bytes) else {
      throw Problem(
        .unprocessableContent, "invalid_setting",
        "'image' is text (base64), 'name' text and 'settings' an object")
    }
    var upload = try Upload()
    for (name, value) in (content.settings ?? [:]).sorted(by: { $0.key < $1.key }) {
      try upload.settings.set(name, value)
    }
    guard let picture = Data(base64Encoded: content.image), !picture.isEmpty else {
      throw Problem(.unprocessableContent, "not_base64", "'image' is not base64")
    }
    upload.name = displayName(content.name)
    try AtomicFile.write(picture, to: upload.path)
    upload.hasPicture = true
    return upload
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

extension Upload {
  /// What is to be done, now that the picture has been looked at.
  ///
  /// - Throws: `Problem` where it is no picture, or too large; `ModelShelfError`.
  func order(_ limits: ServiceLimits, _ models: ModelShelf) throws -> Job.Order {
    _ = try models.entry(settings.model, strength: settings.strength ?? 1)
    let reader: ImageReader
    do {
      reader = try ImageFile.open(path, options: limits.reading)
    } catch {
      let text = oneLine("\(error)").replacing(path, with: name)
      throw Problem(.unprocessableContent, "not_a_picture", text)
    }
    let bytes =
      ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int) ?? 0
    let start = try FileHandle(forReadingFrom: URL(fileURLWithPath: path)).read(upToCount: 32)
    let mediaType = MediaType.sniffed(start ?? Data())
    let format =
      settings.format ?? ImageFormat.allCases.first {
        $0.mediaType == mediaType && $0.isWritable
      } ?? .png
    let size = PhotoUpscaler.outputSize(
      width: reader.width, height: reader.height, scale: settings.scale)
    let side = max(size.width, size.height)
    guard side <= format.maximumDimension else {
      throw Problem(
        .unprocessableContent, "too_large",
        "\(name): \(format.name) holds \(format.maximumDimension) pixels a side, and the result would"
          + " have \(side); choose another format or a smaller scale")
    }
    let outputName = Job.outputName(name, settings, format)
    let planned = try explain(reader, outputName, format)
    return Job.Order(
      settings: settings,
      input: .init(
        width: reader.width, height: reader.height, bytes: bytes, mediaType: mediaType, name: name,
        summary: planned.input),
      output: .init(
        width: size.width, height: size.height, bytes: nil, mediaType: format.mediaType,
        name: outputName, summary: planned.output))
  }

  /// What cannot be read or written is refused before it waits in the queue.
  private func explain(_ reader: ImageReader, _ outputName: String, _ format: ImageFormat) throws
    -> (input: PictureSummary, output: PictureSummary, warnings: [String])
  {
    var options = PhotoUpscaler.Options()
    options.scale = settings.scale
    options.format = format
    options.background = settings.background
    options.metadata = settings.metadata
    do {
      return try PhotoUpscaler.explain(reader, to: outputName, options)
    } catch ImagingError.unsupported(_, let reason) {
      let text = reason.replacing("(--background, Options.background)", with: "(background)")
      throw Problem(.unprocessableContent, "not_writable", "\(name): \(text)")
    } catch let error as ImagingError {
      throw Problem(
        .unprocessableContent, "not_a_picture", oneLine("\(error)").replacing(path, with: name))
    }
  }
}
