import Foundation
import Imaging
import Testing

@testable import Video

/// A smooth random texture that is the same at the same position: a frame is a window of it.
func texture(_ width: Int, _ height: Int, y: Int = 0, x: Int = 0, offset: Double = 0) -> FloatImage
{
  var planes = FloatImage(width: width, height: height, channels: 3)
  for c in 0..<3 {
    for row in 0..<height {
      for column in 0..<width {
        let (v, u) = (Double(row + y) + offset, Double(column + x) + offset)
        let waves =
          sin(u / 3.1 + Double(c)) * cos(v / 4.3) + sin(u / 7.7 - v / 5.9) * cos(u * v / 391)
        planes[c, row, column] = Float(0.5 + 0.2 * waves)
      }
    }
  }
  return planes
}

/// The picture with normal noise.
func noisy(_ planes: FloatImage, _ deviation: Float, seed: UInt64) -> FloatImage {
  var (planes, state) = (planes, seed &* 2 &+ 1)
  func uniform() -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (Float(state >> 40) + 0.5) * 0x1p-24
  }
  for i in planes.values.indices {
    planes.values[i] += deviation * (-2 * log(uniform())).squareRoot() * cos(2 * .pi * uniform())
  }
  return planes
}

@Suite struct MotionTests {
  /// Every block away from the border finds the exact shift, near and far.
  @Test(arguments: [(0, 0), (1, -2), (-7, 5), (12, -20), (-24, 3)])
  func shiftsAreFound(_ y: Int, _ x: Int) {
    let previous = Luma(texture(160, 120))
    let frame = Luma(texture(160, 120, y: y, x: x))
    let field = BlockMatching()(frame, previous)
    var (right, all) = (0, 0)
    for row in 8..<field.rows - 8 {
      for column in 8..<field.columns - 8 {
        all += 1
        if field.vectors[row * field.columns + column] == SIMD2(4 * y, 4 * x) { right += 1 }
      }
    }
    #expect(Double(right) > 0.97 * Double(all), "\(right) of \(all)")
  }

  /// Fractions of pixels, to a quarter.
  @Test func fractionsAreFound() {
    func frame(_ y: Double, _ x: Double) -> Luma {
      var values: [Float] = []
      for row in 0..<96 {
        for column in 0..<96 {
          let (v, u) = (Double(row) + y, Double(column) + x)
          values.append(
            Float(0.5 + 0.2 * sin(u / 3.1) * cos(v / 4.3) + 0.2 * sin(u / 7.7 - v / 5.9)))
        }
      }
      return Luma(width: 96, height: 96, values: values)
    }
    let field = BlockMatching()(frame(1.25, -0.5), frame(0, 0))
    let inner = (4..<20).flatMap { row in (4..<20).map { field.vectors[row * 24 + $0] } }
    let right = inner.filter { $0 == SIMD2(5, -2) }.count
    #expect(Double(right) > 0.9 * Double(inner.count), "\(right) of \(inner.count)")
    // Inverted: the frame before, motion compensated.
    let moved = field.moved(frame(0, 0).values, width: 96, height: 96)
    for y in 16..<80 {
      for x in 16..<80 { #expect(abs(moved[y * 96 + x] - frame(1.25, -0.5)[y, x]) < 0.02) }
    }
  }

  @Test func noiseMovesNothing() {
    let frames = (0..<2).map { Luma(noisy(texture(96, 96), 0.05, seed: UInt64($0))) }
    var matching = BlockMatching()
    matching.noise = 0.05
    let field = matching(frames[1], frames[0])
    let still = field.vectors.filter { $0 == SIMD2(0, 0) }.count
    #expect(Double(still) > 0.95 * Double(field.count))
  }

  @Test func theNoiseIsEstimated() {
    for deviation: Float in [0.01, 0.03, 0.06] {
      let flat = FloatImage(width: 120, height: 90, channels: 3, repeating: 0.5)
      var planes = noisy(flat, deviation, seed: 3)
      // Grey noise, whose luma has the same deviation as its channels.
      let area = 120 * 90
      for c in 1..<3 { for i in 0..<area { planes.values[c * area + i] = planes.values[i] } }
      #expect(abs(Luma(planes).noise / deviation - 1) < 0.05)
    }
  }

  @Test func theAverageLosesTheNoiseWhereNothingMovesAndFollowsMotion() {
    for step in [0, 2] {
      var scene = Scene(noisy(texture(128, 96), 0.04, seed: 100), side: 4)
      for t in 1..<14 {
        scene.advance(to: noisy(texture(128, 96, x: step * t), 0.04, seed: 100 + UInt64(t)))
      }
      let clean = texture(128, 96, x: step * 13)
      #expect(scene.index == 0)
      var (error, count) = (0.0, 0)
      for y in 8..<88 {
        // Content that appeared recently has been seen in few frames.
        for x in 8..<90 {
          let d = Double(scene.average[0, y, x] - clean[0, y, x])
          error += d * d
          count += 1
        }
      }
      let deviation = (error / Double(count)).squareRoot()
      #expect(deviation < 0.5 * 0.04, "step \(step): \(deviation)")
    }
  }

  @Test func whatIsNewIsTakenAsItIs() {
    var scene = Scene(texture(96, 96), side: 4)
    for _ in 0..<4 { scene.advance(to: texture(96, 96)) }
    // A square appears.
    var next = texture(96, 96)
    for c in 0..<3 { for y in 32..<64 { for x in 32..<64 { next[c, y, x] = 1 - next[c, y, x] } } }
    scene.advance(to: next)
    #expect(scene.index == 0)
    for y in 36..<60 {
      for x in 36..<60 { #expect(abs(scene.average[1, y, x] - next[1, y, x]) < 0.02) }
    }
    #expect(abs(scene.average[1, 5, 5] - next[1, 5, 5]) < 1e-5)
  }

  @Test func displacementsAddUpAlongMotion() {
    var scene = Scene(texture(160, 120), side: 4)
    for t in 1...6 { scene.advance(to: texture(160, 120, y: t, x: 3 * t)) }
    #expect(scene.index == 0)
    let field = MotionField(width: 160, height: 120, side: 4)
    for row in 8..<20 {
      for column in 8..<24 {
        #expect(scene.displacements[row * field.columns + column] == SIMD2(6, 18))
      }
    }
  }
}

@Suite struct SceneCutTests {
  @Test(arguments: [0, 0.04]) func cutsAreFoundAndNothingElse(_ noise: Float) {
    func frame(_ y: Int, _ x: Int, offset: Double = 0, seed: UInt64) -> FloatImage {
      noisy(texture(128, 96, y: y, x: x, offset: offset), noise, seed: seed)
    }
    var scene = Scene(frame(0, 0, seed: 1), side: 4)
    for t in 1..<5 { scene.advance(to: frame(t, 2 * t, seed: UInt64(t))) }
    #expect(scene.index == 0)
    let other = FloatImage(width: 128, height: 96, channels: 3, repeating: 0.2)
    scene.advance(to: noisy(other, noise, seed: 9))
    #expect(scene.index == 1 && scene.codes == nil)
    scene.advance(to: noisy(other, noise, seed: 10))
    #expect(scene.index == 1)
    scene.advance(to: frame(0, 0, offset: 5000, seed: 11))
    #expect(scene.index == 2)
  }

  @Test func scenesHaveSeedsOfTheirOwn() {
    var scene = Scene(texture(64, 64), side: 4)
    #expect(scene.seed(7) == 7)
    scene.advance(to: FloatImage(width: 64, height: 64, channels: 3, repeating: 0))
    #expect(scene.index == 1 && scene.seed(7) != 7 && scene.seed(8) != scene.seed(7))
  }

  @Test func aSceneIsKeptExactly() throws {
    var scene = Scene(noisy(texture(64, 48), 0.03, seed: 1), side: 4)
    for t in 1..<4 { scene.advance(to: noisy(texture(64, 48, x: t), 0.03, seed: UInt64(t))) }
    let tensors = Dictionary(uniqueKeysWithValues: scene.tensors())
    var again = try #require(Scene { tensors[$0] })
    let next = noisy(texture(64, 48, x: 4), 0.03, seed: 9)
    scene.advance(to: next)
    again.advance(to: next)
    #expect(again.average == scene.average && again.displacements == scene.displacements)
    #expect(again.certainties == scene.certainties)
  }
}
