import Foundation
import Imaging
import Testing

@testable import Upscaling

/// Collects what a sink passes on.
private final class Collector: ScanlineStage {
  var buffer: RowBuffer
  var isFinished = false

  init(width: Int) { buffer = RowBuffer(width: width, channels: 3) }
  func push(_ strip: FloatImage) throws { buffer.append(strip) }
  func finish() throws { isFinished = true }

  var whole: FloatImage { buffer.window(buffer.rows) }
}

@Suite struct ScanlineStageTests {
  let reader: ImageReader
  let reference: ColorReference
  /// A restored picture of 200x452 with other colours than the input.
  let restored: FloatImage

  init() throws {
    let path = NSTemporaryDirectory() + "/sinks-\(UUID().uuidString).png"
    defer { unlink(path) }
    var planes = FloatImage(width: 50, height: 113, channels: 3)
    var other = FloatImage(width: 200, height: 452, channels: 3)
    for c in 0..<3 {
      for y in 0..<113 {
        for x in 0..<50 { planes[c, y, x] = 0.5 + 0.4 * sin(Float(x * (c + 1) + y) / 7) }
      }
      for y in 0..<452 {
        for x in 0..<200 { other[c, y, x] = 0.4 + 0.3 * cos(Float(x + y * (c + 2)) / 11) }
      }
    }
    try Image(planes).write(to: path)
    reader = try ImageFile.open(path)
    try reader.decode()
    reference = ColorReference(reader, width: 200, height: 452)
    restored = other
  }

  /// Feeds the rows in strips of uneven height.
  private func feed(_ sink: any ScanlineStage, _ picture: FloatImage? = nil) throws {
    let picture = picture ?? restored
    var y = 0
    for height in [1, 40, 7, 200, 3, 100, 101] {
      try sink.push(
        picture.cropped(to: PixelRect(x: 0, y: y, width: picture.width, height: height)))
      y += height
    }
    #expect(y == restored.height)
    try sink.finish()
  }

  private func worst(_ a: FloatImage, _ b: FloatImage) -> Float {
    zip(a.values, b.values).map { abs($0 - $1) }.max()!
  }

  @Test func waveletOfStripsIsThatOfTheWhole() throws {
    let out = Collector(width: 200)
    try feed(WaveletSink(reference, next: out))
    let whole = ColorCorrection.wavelet(restored, style: try reference.rows(0..<452))
    #expect(out.isFinished)
    #expect(worst(out.whole, whole) < 1e-6)
  }

  @Test func instanceNormalisationOfStripsIsThatOfTheWhole() throws {
    let out = Collector(width: 200)
    try feed(InstanceNormalisationSink(reference, folder: NSTemporaryDirectory(), next: out))
    let whole = ColorCorrection.adain(restored, style: try reference.rows(0..<452)).clamped
    #expect(worst(out.whole, whole) < 3e-5)  // 16 bit in the temporary file
  }

  /// Where statistics overshoot, the next correction sees 0...1, as in the published script.
  @Test func overshootIsClampedBetweenCorrections() throws {
    let out = Collector(width: 200)
    let loud = FloatImage(
      width: restored.width, height: restored.height, channels: 3,
      values: restored.values.enumerated().map { i, x in i % 7 == 0 ? 1 : 0.4 + 0.02 * x })
    let wavelet = WaveletSink(reference, next: TruncationSink(next: out))
    let sink = try InstanceNormalisationSink(
      reference, folder: NSTemporaryDirectory(), next: TruncationSink(next: wavelet))
    try feed(TruncationSink(next: sink), loud.truncated)
    let style = try reference.rows(0..<452)
    let toned = ColorCorrection.adain(loud.truncated, style: style)
    #expect(toned.values.max()! > 1.1)
    let whole = ColorCorrection.wavelet(toned.clamped.truncated, style: style).truncated
    // A rounding error beside a level is a level.
    let differing = zip(out.whole.values, whole.values).filter { abs($0 - $1) > 1e-6 }.count
    #expect(differing < whole.values.count / 200 && worst(out.whole, whole) < 2.1 / 255)
    #expect(worst(out.whole, ColorCorrection.wavelet(toned, style: style)) > 0.1)
  }

  @Test(arguments: [(100, 226), (150, 339), (201, 453), (400, 904), (7, 9)])
  func resizedStripsAreThoseOfTheWhole(_ width: Int, _ height: Int) throws {
    let resize = Resize(.bicubic, from: (200, 452), to: (width, height))
    let out = Collector(width: width)
    try feed(ResizeSink(resize, channels: 3, next: out))
    #expect(out.whole.height == height)
    #expect(worst(out.whole, resize(restored)) < 1e-5)
  }
}
