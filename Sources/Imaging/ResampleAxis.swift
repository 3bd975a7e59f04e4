/// Weights of one axis: target position i = Σ_k weights[i, k] · source[starts[i] + k].
///
/// With s = n_source / n_target the centre of target pixel i is (i + ½)s. Kernels with antialiasing
/// are stretched by max(s, 1) and cut off at the border, their weights normalised to sum 1 (as
/// Pillow does); those without sample the source, whose border pixels continue outwards (as PyTorch
/// does).
struct ResampleAxis {
  /// The target positions of these weights.
  let range: Range<Int>
  /// First source position and number of taps, one per target position.
  private(set) var starts: [Int] = []
  private(set) var counts: [Int] = []
  /// `[range.count, stride]`
  private(set) var weights: [Double]
  let stride: Int

  /// - Parameter factor: 1 / s, if it is not the ratio of the sizes; for filters without
  ///   antialiasing only.
  init(
    _ filter: ResizeFilter, source: Int, target: Int, range: Range<Int>, factor: Double? = nil
  ) {
    let scale = factor.map { 1 / $0 } ?? Double(source) / Double(target)
    let stretch = filter.isAntialiased ? max(scale, 1) : 1
    self.range = range
    stride =
      filter == .area
      ? source / target + 2 : Int((filter.support * stretch).rounded(.up)) * 2 + 1
    weights = [Double](repeating: 0, count: range.count * stride)
    for (row, i) in range.enumerated() {
      let centre = (Double(i) + 0.5) * scale
      if filter == .area {
        let first = i * source / target
        let count = ((i + 1) * source + target - 1) / target - first
        append([Double](repeating: 1 / Double(count), count: count), from: first, row)
      } else if filter.isAntialiased {
        let reach = filter.support * stretch
        let first = max(Int(centre - reach + 0.5), 0)
        let taps = (first..<max(min(Int(centre + reach + 0.5), source), first)).map {
          filter((Double($0) - centre + 0.5) * (1 / stretch))
        }
        let sum = taps.reduce(0, +)
        append(sum == 0 ? taps : taps.map { $0 / sum }, from: first, row)
      } else {
        sample(filter, at: centre - 0.5, of: source, row)
      }
    }
  }

  private mutating func append(_ taps: [Double], from first: Int, _ row: Int) {
    starts.append(first)
    counts.append(taps.count)
    for (k, weight) in taps.enumerated() { weights[row * stride + k] = weight }
  }

  /// The neighbours of a source position; beyond the border they are the border's.
  private mutating func sample(
    _ filter: ResizeFilter, at place: Double, of source: Int, _ row: Int
  ) {
    // Linear interpolation needs no negative position and nothing beyond the last pixel.
    let place = filter == .bilinearSampled ? max(0, place) : place
    let reach = Int(filter.support)
    let nearest = Int(place.rounded(.down))
    let fraction = filter == .bilinearSampled && nearest >= source - 1 ? 0 : place - Double(nearest)
    let low = filter == .bilinearSampled ? min(nearest, source - 1) : nearest
    let first = low - reach + 1
    let start = min(max(first, 0), source - 1)
    let end = min(max(low + reach, 0), source - 1)
    var taps = [Double](repeating: 0, count: end - start + 1)
    for k in 0..<2 * reach {
      let distance = abs(fraction - Double(k - reach + 1))
      taps[min(max(first + k, 0), source - 1) - start] += filter(distance)
    }
    append(taps, from: start, row)
  }

  /// The range of source positions that the weights touch.
  var sourceRange: Range<Int> {
    let end = zip(starts, counts).map { $0 + $1 }.max()!
    return starts.min()!..<end
  }
}
