import Files
import Foundation
import Imaging
import NSARM
import Upscaling

extension Upload {
  /// What is to be done, now that the picture has been looked at.
  ///
  /// - Throws: `Problem` where it is no picture, or too large; `InvalidSetting`; `ModelShelfError`.
  func order(_ limits: ServiceLimits, _ models: ModelShelf) throws -> Job.Order {
    try Job.Order(picture: path, name: name, settings, limits, models)
  }
}

extension Job.Order {
  /// Looks at a picture's file, and plans what becomes of it: what cannot be read or written is
  /// refused before it waits in the queue.
  ///
  /// - Parameters:
  ///   - path: of the file.
  ///   - name: what it is called where it comes from.
  /// - Throws: `Problem` where it is no picture, or too large; `InvalidSetting`; `ModelShelfError`.
  init(
    picture path: String, name: String, _ settings: RestorationSettings, _ limits: ServiceLimits,
    _ models: ModelShelf
  ) throws {
    try settings.check(models)
    if let webhook = settings.webhook {
      guard let policy = limits.webhooks else {
        throw InvalidSetting("webhook: nobody is told by this service")
      }
      try policy.check(webhook)
    }
    func opened(_ reading: ReadOptions) throws -> ImageReader {
      do {
        return try ImageFile.open(path, options: reading)
      } catch ImagingError.noPage(_, _, let count) {
        throw InvalidSetting("page: '\(name)' has \(count)")
      } catch ImagingError.noPart(_, _, let width, let height) {
        throw InvalidSetting("crop: reaches beyond '\(name)', which has \(width)x\(height) pixels")
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
        "\(name): \(format.name) holds \(format.maximumDimension) pixels a side, and the result would"
          + " have \(side); choose another format or a smaller scale")
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

  /// What the result will hold.
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
      throw Problem(
        .unprocessableContent, "not_a_picture", WebText.of(error, names: [path: name]))
    }
  }
}
