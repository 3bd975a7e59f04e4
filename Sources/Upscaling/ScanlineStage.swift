import Imaging

/// A step of the way from the network's rows to the file. Rows come from the top to the bottom.
protocol ScanlineStage: AnyObject {
  func push(_ strip: FloatImage) throws
  /// Called once, after the last row.
  func finish() throws
}

/// Most rows that a sink works on at once.
let stripHeight = 128

/// Most pixels of a piece that has more than one row.
private let piecePixels = 1 << 20

/// The strip cut into pieces of at most `stripHeight` rows, fewer of a very wide picture.
func pieces(of rows: Range<Int>, width: Int = 1) -> [Range<Int>] {
  let height = max(1, min(stripHeight, piecePixels / width))
  return stride(from: rows.lowerBound, to: rows.upperBound, by: height).map {
    $0..<min($0 + height, rows.upperBound)
  }
}

/// The input enlarged, any rows of it: what colours are corrected to.
struct ColorReference {
  let reader: ImageReader
  let resize: Resize

  init(_ reader: ImageReader, width: Int, height: Int) {
    self.reader = reader
    resize = Resize(.bicubic, from: (reader.width, reader.height), to: (width, height))
  }

  /// Rows in full width, RGB in 0...1.
  func rows(_ rows: Range<Int>) throws -> FloatImage {
    let window = PixelRect(x: 0, y: rows.lowerBound, width: resize.target.width, height: rows.count)
    let needed = resize.sourceRect(for: window)
    return resize(try reader.planes(needed).asRGB, at: needed, window: window)
  }
}

/// Wavelet colour correction of rows.
final class WaveletSink: ScanlineStage {
  private let reference: ColorReference
  private let next: any ScanlineStage
  private var buffer: RowBuffer
  private var done = 0

  init(_ reference: ColorReference, next: any ScanlineStage) {
    self.reference = reference
    self.next = next
    buffer = RowBuffer(width: reference.resize.target.width, channels: 3)
  }

  func push(_ strip: FloatImage) throws {
    buffer.append(strip)
    let (height, margin) = (reference.resize.target.height, ColorCorrection.waveletMargin)
    let last = buffer.rows.upperBound
    let ready = last == height ? height : last - margin
    guard ready > done else { return }
    for rows in pieces(of: done..<ready) {
      let context = max(0, rows.lowerBound - margin)..<min(height, rows.upperBound + margin)
      let corrected = ColorCorrection.wavelet(
        buffer.window(context), style: try reference.rows(context))
      try next.push(
        corrected.cropped(
          to: PixelRect(
            x: 0, y: rows.lowerBound - context.lowerBound, width: corrected.width,
            height: rows.count)))
    }
    done = ready
    buffer.discard(before: done - margin)
  }

  func finish() throws { try next.finish() }
}

/// Cuts values to the levels of 8 bits, towards zero.
final class TruncationSink: ScanlineStage {
  private let next: any ScanlineStage

  init(next: any ScanlineStage) { self.next = next }

  func push(_ strip: FloatImage) throws { try next.push(strip.truncated) }

  func finish() throws { try next.finish() }
}

/// Matches the mean and the deviation of every channel to the input's. They are known only when the
/// last row has come, so the rows wait in a temporary file.
final class InstanceNormalisationSink: ScanlineStage {
  private let reference: ColorReference
  private let next: any ScanlineStage
  private let file: RowFile
  private var statistics = ChannelStatistics(channels: 3)

  /// - Parameter folder: where the temporary file is made.
  init(_ reference: ColorReference, folder: String, next: any ScanlineStage) throws {
    self.reference = reference
    self.next = next
    let size = reference.resize.target
    file = try RowFile(in: folder, width: size.width, height: size.height, channels: 3)
  }

  func push(_ strip: FloatImage) throws {
    statistics.add(strip)
    try file.append(strip)
  }

  func finish() throws {
    let rows = pieces(of: 0..<reference.resize.target.height)
    var style = ChannelStatistics(channels: 3)
    for rows in rows { style.add(try reference.rows(rows)) }
    for rows in rows {
      try next.push(
        ColorCorrection.adain(try file.rows(rows), from: statistics, to: style).clamped)
    }
    try next.finish()
  }
}

/// Resizes rows to another size.
final class ResizeSink: ScanlineStage {
  private let resize: Resize
  private let next: any ScanlineStage
  private var buffer: RowBuffer
  private var done = 0

  init(_ resize: Resize, channels: Int, next: any ScanlineStage) {
    self.resize = resize
    self.next = next
    buffer = RowBuffer(width: resize.source.width, channels: channels)
  }

  func push(_ strip: FloatImage) throws {
    buffer.append(strip)
    while done < resize.target.height {
      let rows = done..<min(done + stripHeight, resize.target.height)
      // The rows that one column needs are those of all.
      let needed = resize.sourceRect(for: PixelRect(x: 0, y: done, width: 1, height: rows.count))
        .rows
      guard needed.upperBound <= buffer.rows.upperBound else { return }
      let window = PixelRect(x: 0, y: done, width: resize.target.width, height: rows.count)
      let source = PixelRect(
        x: 0, y: needed.lowerBound, width: resize.source.width, height: needed.count)
      try next.push(resize(buffer.window(needed), at: source, window: window))
      done = rows.upperBound
      buffer.discard(before: needed.lowerBound)
    }
  }

  func finish() throws { try next.finish() }
}
