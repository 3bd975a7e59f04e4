import CVips
import Foundation

/// The plan of a picture file, which determines its contents before the work begins.
public struct PictureOutput {
  public let path: String
  public let format: ImageFormat
  public let width, height, channels, bitDepth: Int
  let blocks: MetadataBlocks

  /// Warnings about metadata that the file will not keep, a line each.
  public var warnings: [String] { blocks.warnings }

  /// The contents of the file in words.
  public var summary: PictureSummary {
    // WebP has no grey.
    let isConverted = format == .webp && channels <= 2
    return PictureSummary(
      format: format.name, width: width, height: height,
      channels: isConverted ? channels + 2 : channels,
      bitDepth: format == .avif && bitDepth == 16 ? 12 : bitDepth,
      profile: isConverted ? nil : blocks.iccProfile, codePoints: blocks.codePoints,
      metadata: PictureSummary.names(
        exif: blocks.exif != nil, xmp: blocks.xmp != nil, iptc: blocks.iptc != nil,
        texts: blocks.texts, density: blocks.density, gainMap: blocks.gainMap != nil))
  }

  /// - Parameters:
  ///   - path: the path of the file; for messages and for the format.
  ///   - format: nil takes it from the name's extension.
  ///   - channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha.
  ///   - metadata: written with the picture and corrected for it.
  /// - Throws: `ImagingError` if the format or the size is not possible.
  public init(
    _ path: String, width: Int, height: Int, channels: Int, bitDepth: Int = 8,
    format: ImageFormat? = nil, metadata: ImageMetadata = .init()
  ) throws {
    guard let format = format ?? ImageFormat(path: path) else {
      throw ImagingError.unknownFormat(path: path)
    }
    precondition(width > 0 && height > 0 && (1...4).contains(channels))
    precondition(bitDepth == 8 || bitDepth == 16, "bit depth \(bitDepth)")
    try ImageFile.start()
    self.path = path
    self.format = format
    self.width = width
    self.height = height
    self.channels = channels
    self.bitDepth = bitDepth
    var metadata = metadata
    metadata.dropForeignProfile(isGrey: channels <= 2)
    blocks = MetadataBlocks(metadata, format, width: width, height: height, isGrey: channels <= 2)
    try check()
  }

  private func check() throws {
    let name = format.name
    func unsupported(_ reason: String) -> ImagingError { .unsupported(path: path, reason: reason) }
    if !format.isWritable { throw unsupported("the installed libvips cannot write \(name)") }
    if channels % 2 == 0 && !format.supportsAlpha {
      throw ImagingError.noTransparency(path: path, format: name)
    }
    if bitDepth == 16 && !format.supports16Bit {
      throw unsupported("\(name) supports 8 bit only; choose PNG or TIFF for 16 bit")
    }
    if max(width, height) > format.maximumDimension {
      throw unsupported(
        "\(name) supports at most \(format.maximumDimension) pixels a side, not \(width)x\(height);"
          + " choose PNG or TIFF")
    }
    // libjxl has to try a profile to find out whether it accepts it.
    if format == .jxl, let profile = blocks.iccProfile, !takes(profile) {
      throw unsupported("\(name) cannot store its ICC profile; choose PNG or TIFF")
    }
  }

  /// Whether a picture of a few pixels can be encoded with a profile.
  private func takes(_ profile: Data) -> Bool {
    var text: UnsafeMutablePointer<CChar>?
    let size = 8
    var header = cvips_header()
    (header.width, header.height, header.bit_depth) = (Int32(size), Int32(size), 8)
    header.channels = Int32(channels)
    let samples = [UInt8](repeating: 128, count: size * size * channels)
    let encoding = cvips_encoding(
      format: CVIPS_JXL, quality: 90, effort: 3, lossless: false, progressive: false)
    let status = withBlob(profile) { icc in
      let metadata = cvips_metadata(
        icc: icc, exif: cvips_blob(), xmp: cvips_blob(), iptc: cvips_blob())
      return cvips_encode(samples, -1, header, encoding, metadata, "/dev/null", &text)
    }
    if status != 0 { _ = take(&text) }
    return status == 0
  }
}
