import Imaging
import Testing
import Torch

@Suite struct ResizeTests {
  @Test func windowEqualsTheWholeThenCropped() {
    let sizes = [
      ((37, 29), (148, 116)), ((61, 40), (23, 17)), ((5, 1), (3, 9)), ((64, 48), (64, 48)),
    ]
    for filter in ResizeFilter.allCases {
      for (from, to) in sizes {
        let planes = noise(width: from.0, height: from.1, channels: 3)
        let picture = Image(planes)
        let resize = Resize(filter, from: from, to: to)
        let (whole, whole8) = (resize(planes), resize(picture))
        for window in windows(to.0, to.1) {
          let needed = resize.sourceRect(for: window)
          let piece = resize(planes.cropped(to: needed), at: needed, window: window)
          #expect(piece == whole.cropped(to: window), "\(filter) \(window)")
          let piece8 = resize(picture.cropped(to: needed), at: needed, window: window)
          #expect(piece8 == whole8.cropped(to: window), "\(filter) \(window)")
        }
      }
    }
  }

  @Test func constantsStayConstant() {
    for filter in ResizeFilter.allCases {
      let planes = FloatImage(width: 9, height: 7, channels: 1, repeating: 0.625)
      let out = planes.resized(toWidth: 31, height: 3, filter)
      #expect(out.values.allSatisfy { abs($0 - 0.625) < 1e-6 }, "\(filter)")
      let image = Image(
        width: 9, height: 7, channels: 1, samples: .u8(.init(repeating: 255, count: 63)))
      #expect(image.resized(toWidth: 31, height: 3, filter).bytes.allSatisfy { $0 == 255 })
    }
  }

  @Test func sameSizeChangesNothing() {
    let picture = Image(noise(width: 11, height: 13, channels: 4))
    for filter in ResizeFilter.allCases {
      #expect(picture.resized(toWidth: 11, height: 13, filter) == picture)
    }
  }

  private func windows(_ width: Int, _ height: Int) -> [PixelRect] {
    var random = RandomStream(7)
    return (0..<6).map { _ in
      let x = Int.random(in: 0..<width, using: &random)
      let y = Int.random(in: 0..<height, using: &random)
      return PixelRect(
        x: x, y: y, width: Int.random(in: 1...(width - x), using: &random),
        height: Int.random(in: 1...(height - y), using: &random))
    }
  }
}
