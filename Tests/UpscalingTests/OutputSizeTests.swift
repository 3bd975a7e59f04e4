import Foundation
import Imaging
import TestSupport
import Testing

@testable import Upscaling

@Suite struct OutputSizeTests {
  /// The side that is asked for is exact; the other is ⌊x + ½⌋, here in whole numbers.
  @Test func sidesAreExact() throws {
    func rounded(_ side: Int, _ target: Int, _ other: Int) -> Int {
      let (quotient, rest) = (side * target).quotientAndRemainder(dividingBy: other)
      return max(1, quotient + (2 * rest >= other ? 1 : 0))
    }
    for (width, height) in [(640, 480), (333, 1000), (7, 3), (1, 90), (4001, 2), (50, 50)] {
      for share in stride(from: 1.0, through: 8.0, by: 0.237) {
        let target = Int(share * Double(width))
        let wide = try OutputSize.width(target).size(width: width, height: height)
        #expect(wide == (target, rounded(height, target, width)))
        // The same, lying on its side.
        let high = try OutputSize.height(target).size(width: height, height: width)
        #expect(high == (wide.height, wide.width))
        let long = Int(share * Double(max(width, height)))
        let size = try OutputSize.longSide(long).size(width: width, height: height)
        #expect(max(size.width, size.height) == long)
        let scale = try OutputSize.longSide(long).scale(width: width, height: height)
        #expect((1.0...8.0).contains(scale))
        #expect(abs(Double(size.width) - Double(width) * scale) <= 0.5 + 1e-9 || size.width == 1)
        #expect(abs(Double(size.height) - Double(height) * scale) <= 0.5 + 1e-9 || size.height == 1)
      }
    }
  }

  @Test func megapixels() throws {
    for (width, height) in [(640, 480), (333, 1000), (1, 1), (4001, 2999)] {
      let area = Double(width * height)
      for share in [1.0, 1.7, 16, 63.3, 64] {
        let size = try OutputSize.megapixels(share * area / 1e6).size(width: width, height: height)
        let scale = share.squareRoot()
        #expect(abs(Double(size.width) - Double(width) * scale) <= 0.51)
        #expect(abs(Double(size.height) - Double(height) * scale) <= 0.51)
      }
    }
  }

  /// The bounds that messages name are possible, and nothing beyond them is.
  @Test func rangesAreTold() throws {
    func message(_ size: OutputSize, _ width: Int, _ height: Int) -> String {
      #expect(throws: OutputSizeError.self) {
        try size.size(width: width, height: height, path: "a.jpg")
      }
      let error = OutputSizeError(size: size, width: width, height: height, path: "a.jpg")
      return error.description
    }
    for (width, height) in [(640, 480), (333, 1001), (4001, 2999), (1, 1)] {
      for (make, side) in [
        (OutputSize.width, width), (OutputSize.height, height),
        (OutputSize.longSide, max(width, height)),
      ] {
        for target in [side - 1, 8 * side + 1, 0, -5, .max, .min] {
          let text = message(make(target), width, height)
          #expect(text.hasPrefix("a.jpg: ") && text.contains(" \(side) to \(8 * side)"), "\(text)")
        }
        #expect(try make(side).size(width: width, height: height) == (width, height))
        #expect(try make(8 * side).size(width: width, height: height) == (8 * width, 8 * height))
      }
      let text = message(.megapixels(1e9), width, height)
      let range = try #require(text.firstMatch(of: #/but ([\d.e-]+) to ([\d.e-]+) are/#), "\(text)")
      for (bound, factor) in [(range.1, 1), (range.2, 8)] {
        let size = try OutputSize.megapixels(#require(Double(bound)))
          .size(width: width, height: height)
        #expect(size == (factor * width, factor * height))
      }
      for bad in [0, -1, Double.nan, .infinity, 65 * Double(width * height) / 1e6] {
        _ = message(.megapixels(bad), width, height)
      }
      for bad in [0.99, 8.01, .nan] { _ = message(.scale(bad), width, height) }
    }
  }

  @Test func marksAreThoseOfOutputs() {
    let sizes: [(OutputSize, String)] = [
      (.scale(4), "_x4"), (.scale(1.5), "_x1.5"), (.width(1920), "_1920w"),
      (.height(1080), "_1080h"), (.longSide(2048), "_2048l"), (.megapixels(2), "_2mp"),
      (.megapixels(2.5), "_2.5mp"), (.megapixels(0.00001), "_1e-05mp"),
    ]
    for (size, mark) in sizes {
      #expect(size.mark == mark)
      #expect(BatchPlan.original(of: "in/a\(mark)") == "in/a")
      #expect(BatchPlan.original(of: "in/a\(mark)_p012") == "in/a")
    }
    for other in ["a", "a_x", "a_1920", "a-1920w", "a_w", "a_mp", "in/_x4", "a_1920w_p1"] {
      #expect(BatchPlan.original(of: other) == nil, "\(other)")
    }
  }

  @Test func theScaleIsASize() {
    var options = PhotoUpscaler.Options()
    #expect(options.size == .scale(4) && options.scale == 4)
    options.scale = 2
    #expect(options.size == .scale(2))
    options.size = .width(100)
    #expect(options.scale == nil)
    options.scale = nil
    #expect(options.size == .scale(4))
  }
}
