import Torch

/// The places of tensors in one flat vector that is divided among ranks in equal parts, in the
/// order of the ranks.
///
/// Each tensor begins at a multiple of 64 bytes of float32, so that a view of it is as well aligned
/// as a tensor of its own, with gaps that belong to none.
struct FlatLayout: Equatable {
  /// Elements to which places and parts are rounded up.
  static let alignment = 16

  let shapes: [[Int]]
  let counts: [Int]
  /// Where each tensor begins in the vector.
  let starts: [Int]
  let ranks: Int
  /// Elements of one rank's part.
  let partCount: Int

  /// A piece of a tensor in one rank's part.
  struct Slice: Equatable {
    /// The tensor.
    let index: Int
    /// The tensor's elements, in row-major order.
    let elements: Range<Int>
    /// The piece's first element in the part.
    let start: Int
  }

  init(shapes: [[Int]], ranks: Int) {
    self.shapes = shapes
    counts = shapes.map { $0.reduce(1, *) }
    self.ranks = ranks
    var starts: [Int] = []
    var end = 0
    for count in counts {
      starts.append(end)
      end += FlatLayout.aligned(count)
    }
    self.starts = starts
    partCount = FlatLayout.aligned((end + ranks - 1) / ranks)
  }

  private static func aligned(_ count: Int) -> Int {
    (count + alignment - 1) / alignment * alignment
  }

  /// The elements of the whole vector.
  var count: Int { ranks * partCount }

  /// The pieces in a rank's part, in the order of the vector; of `range` of the part only, if
  /// given.
  func slices(of rank: Int, in range: Range<Int>? = nil) -> [Slice] {
    let range = range ?? 0..<partCount
    let place = (rank * partCount + range.lowerBound)..<(rank * partCount + range.upperBound)
    return counts.indices.compactMap { index in
      let own = (starts[index]..<(starts[index] + counts[index])).clamped(to: place)
      guard !own.isEmpty else { return nil }
      return Slice(
        index: index, elements: (own.lowerBound - starts[index])..<(own.upperBound - starts[index]),
        start: own.lowerBound - rank * partCount)
    }
  }

  /// Views of the tensors in the whole vector.
  func views(of vector: Tensor) -> [Tensor] {
    shapes.indices.map {
      vector.narrowed(0, from: starts[$0], count: counts[$0]).reshaped(shapes[$0])
    }
  }
}

extension FlatLayout.Slice {
  /// A view of the piece in its rank's part.
  func view(inPart part: Tensor) -> Tensor { part.narrowed(0, from: start, count: elements.count) }

  /// The piece's elements of a tensor of any strides: a view where it is contiguous, else a copy.
  func elements(of tensor: Tensor) -> Tensor {
    tensor.detached().reshaped(-1)
      .narrowed(0, from: elements.lowerBound, count: elements.count)
  }

  /// A view of the piece in its tensor, which is contiguous.
  func view(inTensor tensor: Tensor) -> Tensor {
    precondition(tensor.isContiguous, "a tensor in row-major order")
    return elements(of: tensor)
  }
}

extension ProcessGroup {
  /// Completes tensors of which every rank has the pieces that `layout` gives it, in place.
  /// - Parameter bucketBytes: the size of what one exchange gathers.
  /// - Throws: `ProcessGroupError`.
  func complete(_ tensors: [Tensor], _ layout: FlatLayout, bucketBytes: Int = 25 << 20) throws {
    guard size > 1, let first = tensors.first else { return }
    let (type, device) = (first.dtype, first.device)
    let length = Swift.max(bucketBytes / (size * type.size), 1)
    for start in stride(from: 0, to: layout.partCount, by: length) {
      let range = start..<Swift.min(start + length, layout.partCount)
      let own = Tensor.zeros([range.count], type, on: device)
      for slice in layout.slices(of: rank, in: range) {
        own.narrowed(0, from: slice.start - start, count: slice.elements.count)
          .copyInPlace(slice.view(inTensor: tensors[slice.index]))
      }
      let all = Tensor.empty([size * range.count], type, on: device)
      try allGather(own, into: all)
      for other in 0..<size where other != rank {
        for slice in layout.slices(of: other, in: range) {
          let place = other * range.count + slice.start - start
          slice.view(inTensor: tensors[slice.index])
            .copyInPlace(all.narrowed(0, from: place, count: slice.elements.count))
        }
      }
    }
  }
}
