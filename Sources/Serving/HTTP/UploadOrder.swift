import Files
import Foundation
import Imaging
import NSARM
import Upscaling

extension Upload {
  /// The order for the uploaded picture, whose file is opened.
  ///
  /// - Throws: `Problem` if it is not a picture or is too large; `InvalidSetting`;
  ///   `ModelShelfError`.
  func order(_ limits: ServiceLimits, _ models: ModelShelf) throws -> Job.Order {
    try Job.Order(picture: path, name: name, settings, limits, models)
  }
}

extension Job.Order {
  /// Opens a picture's file and plans the output, so that a picture that cannot be read or written
  /// is refused before it is queued.
  ///
  /// - Parameters:
  ///   - path: the path of the file.
  ///   - name: the client's name for it.
  /// - Throws: `Problem` if it is not a picture or is too large; `InvalidSetting`;
  ///   `ModelShelfError`.
  init(
    picture path: String, name: String, _ settings: RestorationSettings, _ limits: ServiceLimits,
    _ models: ModelShelf
  ) throws {
    try settings.check(models)
    if let webhook = settings.webhook {
      guard let policy = limits.webhooks else {
        throw InvalidSetting("webhook: this service sends no webhooks")
      }
      try policy.check(webhook)
    }
    func opened(_ reading: ReadOptions) throws -> ImageReader {
      do {
        return try ImageFile.open(path, options: reading)
      } catch ImagingError.noPage(_, _, let count) {
        throw InvalidSetting("page: '\(name)' has \(count)")
      } catch ImagingError.noPart(_, _, let width, let height) {
        throw InvalidSetting("crop: extends beyond '\(name)', which has \(width)x\(height) pixels")
      } catch {
        throw Problem(
          .unprocessableContent, "not_a_picture", WebText.of(error, names: [path: name]))
      }
    }
    var reading = settings.reading(limits.reading)
    reading.part = nil
    let whole = try opened(reading)
    let reader = settings.crop == nil ? whole : try opened(settings.reading(limits.reading))
    let bytes =
      ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int) ?? 0
    let start = try FileHandle(forReadingFrom: URL(fileURLWithPath: path)).read(upToCount: 32)
    let mediaType = MediaType.sniffed(start ?? Data())
    let format =
      settings.format ?? ImageFormat.allCases.first {
        $0.mediaType == mediaType && $0.isWritable
      } ?? .png
    let size: (width: Int, height: Int)
    do {
      size = try settings.size.size(width: reader.width, height: reader.height)
    } catch let error as OutputSizeError {
      throw InvalidSetting("\(error)")
    }
    let side = max(size.width, size.height)
    guard side <= format.maximumDimension else {
      throw Problem(
        .unprocessableContent, "too_large",
        "\(name): \(format.name) supports at most \(format.maximumDimension) pixels a side,"
          + " and the result would have \(side); choose another format or a smaller scale")
    }
    let outputName = Job.outputName(name, settings, format, pages: whole.pageCount)
    let planned = try Self.planned(reader, path, name: name, outputName, settings, format)
    self.init(
      settings: settings,
      input: .init(
        width: whole.width, height: whole.height, bytes: bytes, mediaType: mediaType, name: name,
        summary: whole.summary),
      output: .init(
        width: size.width, height: size.height, bytes: nil, mediaType: format.mediaType,
        name: outputName, summary: planned))
  }

  /// The summary of the output.
  private static func planned(
    _ reader: ImageReader, _ path: String, name: String, _ outputName: String,
    _ settings: RestorationSettings, _ format: ImageFormat
  ) throws -> PictureSummary {
    var options = PhotoUpscaler.Options()
    options.size = settings.size
    options.format = format
    options.background = settings.background
    options.metadata = settings.metadata
    do {
      return try PhotoUpscaler.explain(reader, to: outputName, options).output
    } catch let error as ImagingError {
      if case .unsupported(_, let reason) = error {
        throw Problem(.unprocessableContent, "not_writable", "\(name): \(WebText.cleaned(reason))")
      }
      let code = if case .noTransparency = error { "not_writable" } else { "not_a_picture" }
      throw Problem(
        .unprocessableContent, code, WebText.of(error, names: [path: name, outputName: name]))
    }
  }
}
