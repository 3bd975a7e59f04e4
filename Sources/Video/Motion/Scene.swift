import Imaging
import NSARM
import Torch

/// What a video's frames have in common from one scene cut to the next, carried from frame to
/// frame: the average of what they show, where it came from, and its codes.
public struct Scene: Sendable {
  /// How frames of a scene are kept alike.
  public struct Options: Codable, Equatable, Sendable {
    /// Frames that the average of low-quality frames reaches back to at most; 1: no average.
    public var memory = 16
    /// The same where content moves by fractions of pixels, so that the average is interpolated.
    public var movingMemory = 6
    /// What is added to the log odds of a bit that its content had before.
    public var hysteresis = 2.0

    public init() {}
  }

  /// How many scenes came before.
  public private(set) var index = 0
  /// RGB: of every pixel the mean over the frames in which its content was found.
  public private(set) var average: Planes
  /// How many frames that are, `[h · w]`.
  private(set) var counts: [Float]
  /// Standard deviation of the noise; nil before the second frame.
  private(set) var noise: Float?
  /// From the place of each token of the picture to its content's in the scene's first frame, in
  /// pixels: rows and columns.
  private(set) var displacements: [SIMD2<Float>]
  /// How surely each token's content was in the frame before.
  private(set) var certainties: [Float]
  /// The codes of the last frame, once it is restored.
  public var codes: FrameCodes?
  /// Side of a token in pixels.
  let side: Int

  /// A scene that begins with `frame`, RGB.
  public init(_ frame: Planes, side: Int, index: Int = 0) {
    let field = MotionField(width: frame.width, height: frame.height, side: side)
    self.init(
      index: index, average: frame, side: side,
      counts: Array(repeating: 1, count: frame.width * frame.height),
      displacements: Array(repeating: SIMD2(0, 0), count: field.count),
      certainties: Array(repeating: 0, count: field.count))
  }

  private init(
    index: Int, average: Planes, side: Int, counts: [Float], displacements: [SIMD2<Float>],
    certainties: [Float]
  ) {
    self.index = index
    self.average = average
    self.side = side
    self.counts = counts
    self.displacements = displacements
    self.certainties = certainties
  }

  /// Goes on to the next frame, of the same size. Where it shows what the frame before showed,
  /// motion compensated, the average takes it up; elsewhere, and everywhere after a scene cut, it
  /// begins anew.
  public mutating func advance(to frame: Planes, _ options: Options = Options()) {
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
      // Interpolation, over and over again, would cost sharpness.
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

  /// The seed of the scene's noise: the first scene has the video's own.
  public func seed(_ seed: UInt64) -> UInt64 {
    index == 0 ? seed : RandomStream.key(seed, UInt64(index))
  }

  /// What restoring the average takes over, on the model's grid of tokens, which may reach beyond
  /// the picture.
  public func context(_ grid: GridSize, _ options: Options = Options()) -> FrameContext {
    let field = MotionField(width: average.width, height: average.height, side: side)
    var context = FrameContext()
    context.hysteresis = options.hysteresis
    context.earlier = codes
    let blocks = (0..<grid.height).flatMap { y in
      (0..<grid.width).map { x in
        min(y, field.rows - 1) * field.columns + min(x, field.columns - 1)
      }
    }
    context.displacements = blocks.map { displacements[$0] / Float(side) }
    context.certainties = blocks.map { certainties[$0] }
    return context
  }
}

extension MotionField {
  /// Displacements since the scene's first frame from those in the frame before, in pixels: the
  /// content of a block came along its vector, and from there as the block there did. Where the
  /// content is new its place is its own.
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

// MARK: Kept for later

extension Scene {
  /// All of the scene as tensors, exactly.
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

  /// - Parameter tensor: gives a tensor by its name; nil where there is none.
  init?(_ tensor: (String) -> Tensor?) {
    guard let average = tensor("average"), let counts = tensor("counts"),
      let displacements = tensor("displacements")?.floats,
      let certainties = tensor("certainties"), let noise = tensor("noise")?.floats.first,
      let numbers = tensor("numbers")?.values(Int64.self), numbers.count == 2
    else { return nil }
    self.init(
      index: Int(numbers[0]), average: Planes(average), side: Int(numbers[1]),
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
