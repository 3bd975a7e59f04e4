import Imaging
import NSARM
import SuperResolution
import Torch

/// The state that a scene carries from frame to frame: the average of the frames, the motion since
/// the scene's beginning, and the codes.
public struct Scene: Sendable {
  /// Options of the consistency between the frames of a scene.
  public struct Options: Codable, Equatable, Sendable {
    /// The largest number of frames in the average of low-quality frames; 1: no average.
    public var memory = 16
    /// The same for content that moves by fractions of a pixel, where the average is interpolated.
    public var movingMemory = 6
    /// The amount added to the log odds of a bit that its content had in the frame before.
    public var hysteresis = 2.0

    public init() {}
  }

  /// The number of earlier scenes.
  public private(set) var index = 0
  /// RGB: for each pixel the mean over the frames in which its content was found.
  public private(set) var average: FloatImage
  /// The number of frames in each pixel's mean, `[h · w]`.
  private(set) var counts: [Float]
  /// The standard deviation of the noise; nil before the second frame.
  private(set) var noise: Float?
  /// For each token, the displacement from its position to that of its content in the scene's first
  /// frame, in pixels: rows and columns.
  private(set) var displacements: [SIMD2<Float>]
  /// For each token, the confidence that its content was in the frame before.
  private(set) var certainties: [Float]
  /// The codes of the last frame, once it has been restored.
  public var codes: FrameCodes?
  /// The side of a token in pixels.
  let side: Int

  /// Begins a scene with `frame`, RGB.
  public init(_ frame: FloatImage, side: Int, index: Int = 0) {
    let field = MotionField(width: frame.width, height: frame.height, side: side)
    self.init(
      index: index, average: frame, side: side,
      counts: Array(repeating: 1, count: frame.width * frame.height),
      displacements: Array(repeating: SIMD2(0, 0), count: field.count),
      certainties: Array(repeating: 0, count: field.count))
  }

  private init(
    index: Int, average: FloatImage, side: Int, counts: [Float], displacements: [SIMD2<Float>],
    certainties: [Float]
  ) {
    self.index = index
    self.average = average
    self.side = side
    self.counts = counts
    self.displacements = displacements
    self.certainties = certainties
  }

  /// Advances to the next frame, of the same size. Where it shows the motion-compensated content of
  /// the frame before, it is averaged in; elsewhere, and everywhere after a scene cut, the average
  /// starts over.
  public mutating func advance(to frame: FloatImage, _ options: Options = Options()) {
    let (width, height) = (frame.width, frame.height)
    let match = FrameMatch(
      Luma(frame), Luma(average), counts: counts, noise: noise, side: side)
    guard !match.isCut else {
      self = Scene(frame, side: side, index: index + 1)
      return
    }
    let (field, area) = (match.field, width * height)
    let old = field.moved(counts, width: width, height: height, nearest: true)
    counts = (0..<area).map { i in
      // Repeated interpolation would cost sharpness.
      let isWhole = field.isWhole(field.block(i / width, i % width))
      let longest = isWhole ? options.memory : min(options.memory, options.movingMemory)
      return min(old[i] * match.pixelCertainties[i] + 1, Float(longest))
    }
    for channel in 0..<3 {
      let plane = channel * area..<(channel + 1) * area
      let before = field.moved(Array(average.values[plane]), width: width, height: height)
      for i in 0..<area {
        average.values[plane.lowerBound + i] =
          before[i] + (frame.values[plane.lowerBound + i] - before[i]) / counts[i]
      }
    }
    displacements = field.carried(
      displacements, certainties: match.certainties, width: width, height: height)
    certainties = match.certainties
    noise = match.noise
  }

  /// The seed of the scene's noise; that of the first scene is the video's.
  public func seed(_ seed: UInt64) -> UInt64 {
    index == 0 ? seed : RandomStream.key(seed, UInt64(index))
  }

  /// The context for restoring the average, on the model's grid of tokens, which may reach beyond
  /// the picture.
  public func context(_ grid: GridSize, _ options: Options = Options()) -> TemporalPrior {
    let field = MotionField(width: average.width, height: average.height, side: side)
    var context = TemporalPrior()
    context.hysteresis = options.hysteresis
    context.earlier = codes
    let blocks = (0..<grid.height).flatMap { y in
      (0..<grid.width).map { x in
        min(y, field.rows - 1) * field.columns + min(x, field.columns - 1)
      }
    }
    context.displacements = blocks.map {
      let moved = displacements[$0] / Float(side)
      return TemporalPrior.Displacement(rows: moved.x, columns: moved.y)
    }
    context.certainties = blocks.map { certainties[$0] }
    return context
  }
}

extension MotionField {
  /// Displacements since the scene's first frame, from those of the frame before, in pixels: the
  /// content of a block moved along its vector, and before that like the block at the vector's end.
  /// New content begins at its own position.
  func carried(
    _ displacements: [SIMD2<Float>], certainties: [Float], width: Int, height: Int
  ) -> [SIMD2<Float>] {
    (0..<count).map { block in
      guard certainties[block] > 0 else { return SIMD2(0, 0) }
      let v = vectors[block]
      let y = block / columns * side + side / 2 + ((v.x + 2) >> 2)
      let x = block % columns * side + side / 2 + ((v.y + 2) >> 2)
      let from = self.block(min(max(y, 0), height - 1), min(max(x, 0), width - 1))
      return displacements[from] + SIMD2(Float(v.x), Float(v.y)) / 4
    }
  }
}

// MARK: Persistence

extension Scene {
  /// The whole scene as tensors, without loss.
  func tensors() -> [(String, Tensor)] {
    var result = [
      ("average", average.tensor), ("counts", Tensor(counts)),
      ("displacements", Tensor(displacements.flatMap { [$0.x, $0.y] })),
      ("certainties", Tensor(certainties)), ("noise", Tensor([noise ?? -1])),
      ("numbers", Tensor([Int64(index), Int64(side)])),
    ]
    for (k, bits) in (codes?.bits ?? []).enumerated() {
      result.append(("codes.\(k).bits", bits.to(.uint8)))
      result.append(("codes.\(k).places", codes!.places[k]))
    }
    return result
  }

  /// - Parameter tensor: returns the tensor of a name; nil if there is none.
  init?(_ tensor: (String) -> Tensor?) {
    guard let average = tensor("average"), let counts = tensor("counts"),
      let displacements = tensor("displacements")?.floats,
      let certainties = tensor("certainties"), let noise = tensor("noise")?.floats.first,
      let numbers = tensor("numbers")?.values(Int64.self), numbers.count == 2
    else { return nil }
    self.init(
      index: Int(numbers[0]), average: FloatImage(average), side: Int(numbers[1]),
      counts: counts.floats,
      displacements: stride(from: 0, to: displacements.count, by: 2).map {
        SIMD2(displacements[$0], displacements[$0 + 1])
      }, certainties: certainties.floats)
    self.noise = noise < 0 ? nil : noise
    var (bits, places): ([Tensor], [Tensor]) = ([], [])
    while let next = tensor("codes.\(bits.count).bits"),
      let place = tensor("codes.\(bits.count).places")
    {
      bits.append(next.to(.bool))
      places.append(place)
    }
    codes = bits.isEmpty ? nil : FrameCodes(bits: bits, places: places)
  }
}
