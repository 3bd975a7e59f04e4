import Imaging

/// The end of the way: pictures without colour lose what the network has put there, alpha is put
/// back or a colour behind it, rows go to the file.
final class OutputSink: ScanlineStage {
  private let reader: ImageReader
  private let writer: ImageWriter
  private let background: SIMD3<Float>?
  private let isColorless: Bool
  private let resize: Resize
  private var done = 0

  /// - Parameter background: the colour behind a transparent picture whose output has no alpha.
  init(_ reader: ImageReader, _ writer: ImageWriter, background: SIMD3<Float>?) throws {
    self.reader = reader
    self.writer = writer
    self.background = background
    isColorless = try reader.isGrey || reader.isColorless()
    resize = Resize(
      .bicubic, from: (reader.width, reader.height), to: (writer.width, writer.height))
  }

  func push(_ strip: FloatImage) throws {
    for rows in pieces(of: 0..<strip.height) {
      let piece =
        rows.count == strip.height
        ? strip
        : strip.cropped(
          to: PixelRect(x: 0, y: rows.lowerBound, width: strip.width, height: rows.count))
      try write(isColorless ? piece.withoutColor : piece, rows: done..<done + rows.count)
      done += rows.count
    }
  }

  private func write(_ piece: FloatImage, rows: Range<Int>) throws {
    var piece = piece
    let keepsAlpha = writer.channels % 2 == 0
    let alpha = try keepsAlpha || background != nil && !reader.isOpaque() ? alpha(rows) : nil
    if let alpha, let background { piece.flatten(alpha, background) }
    var values =
      writer.channels <= 2 ? Array(piece.values.prefix(piece.width * piece.height)) : piece.values
    if keepsAlpha, let alpha { values += alpha.values }
    try writer.write(
      FloatImage(
        width: piece.width, height: piece.height, channels: writer.channels, values: values))
  }

  private func alpha(_ rows: Range<Int>) throws -> FloatImage {
    let window = PixelRect(x: 0, y: rows.lowerBound, width: writer.width, height: rows.count)
    let needed = resize.sourceRect(for: window)
    return resize(try reader.alpha(needed), at: needed, window: window)
  }

  func finish() throws { try writer.finish() }
}

extension FloatImage {
  /// Puts a colour behind RGB by its alpha.
  fileprivate mutating func flatten(_ alpha: FloatImage, _ background: SIMD3<Float>) {
    let area = width * height
    for c in 0..<3 {
      for i in 0..<area {
        let share = min(max(alpha.values[i], 0), 1)
        values[c * area + i] = share * values[c * area + i] + (1 - share) * background[c]
      }
    }
  }
}
