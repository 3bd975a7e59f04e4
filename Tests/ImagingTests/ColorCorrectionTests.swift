import Imaging
import Testing

@Suite struct ColorCorrectionTests {
  @Test func statisticsOfPiecesAreThoseOfTheWhole() {
    let picture = noise(width: 37, height: 53, channels: 3)
    let whole = ChannelStatistics(picture)
    var pieces = ChannelStatistics(channels: 3)
    for y in stride(from: 0, to: 53, by: 9) {
      pieces.add(picture.cropped(to: PixelRect(x: 0, y: y, width: 37, height: min(9, 53 - y))))
    }
    #expect(pieces.count == whole.count)
    for c in 0..<3 {
      #expect(abs(pieces.means[c] - whole.means[c]) < 1e-12)
      #expect(abs(pieces.deviations[c] - whole.deviations[c]) < 1e-12)
    }
  }

  @Test func adainGivesTheStylesMeanAndDeviation() {
    let content = noise(width: 40, height: 30, channels: 3)
    let style = gradient(width: 25, height: 60, channels: 3)
    let (out, wanted) = (
      ChannelStatistics(ColorCorrection.adain(content, style: style)), ChannelStatistics(style)
    )
    for c in 0..<3 {
      #expect(abs(out.means[c] - wanted.means[c]) < 1e-6)
      #expect(abs(out.deviations[c] - wanted.deviations[c]) < 1e-4)
    }
  }

  @Test(arguments: [(1, 1), (3, 2), (1, 40), (40, 33)])
  func lowPassKeepsConstantsOnAnySize(_ size: (Int, Int)) {
    let flat = FloatImage(width: size.0, height: size.1, channels: 2, repeating: 0.3)
    #expect(ColorCorrection.lowPass(flat).values.allSatisfy { abs($0 - 0.3) < 1e-6 })
  }

  @Test func waveletOfAWindowEqualsTheWhole() {
    let content = noise(width: 150, height: 130, channels: 3)
    let style = gradient(width: 150, height: 130, channels: 3)
    let whole = ColorCorrection.wavelet(content, style: style)
    for window in [
      PixelRect(x: 50, y: 40, width: 32, height: 48), PixelRect(x: 0, y: 0, width: 20, height: 130),
      PixelRect(x: 120, y: 100, width: 30, height: 30),
    ] {
      let grown = window.insetBy(-ColorCorrection.waveletMargin).intersection(content.rect)
      let piece = ColorCorrection.wavelet(
        content.cropped(to: grown), style: style.cropped(to: grown))
      let inside = PixelRect(
        x: window.x - grown.x, y: window.y - grown.y, width: window.width, height: window.height)
      let (a, b) = (piece.cropped(to: inside), whole.cropped(to: window))
      #expect(zip(a.values, b.values).allSatisfy { abs($0 - $1) < 1e-6 })
    }
  }
}
