import Files
import Torch

/// The bytes of a mapped file, or of the pieces into which a file was cut, as if they still were
/// one. What lies inside of a piece is read in place; what goes on in the next one is copied.
final class JoinedBytes: Sendable {
  /// The file's name in messages.
  let title: String
  let count: Int

  private let pieces: [(memory: MappedMemory, range: Range<Int>)]

  /// - Parameters:
  ///   - pieces: in order, at least one.
  ///   - title: their name in messages.
  init(_ pieces: [MappedMemory], title: String) {
    var end = 0
    self.pieces = pieces.map { piece in
      let range = end..<(end + piece.bytes.count)
      end = range.upperBound
      return (piece, range)
    }
    count = end
    self.title = title
  }

  /// A file by itself.
  convenience init(_ memory: MappedMemory) { self.init([memory], title: memory.path) }

  /// Bytes of the first piece.
  var firstCount: Int { pieces[0].range.upperBound }

  /// Reads `length` bytes from `offset` on; the memory is valid inside of `body`.
  /// - Throws: `ByteCursor.EndReached` for what lies outside of the file, and what `body` throws.
  func withBytes<Result>(
    _ offset: Int, _ length: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    guard offset >= 0, length >= 0, offset <= count, length <= count - offset else {
      throw ByteCursor.EndReached()
    }
    let range = offset..<(offset + length)
    if let piece = piece(with: range) {
      return try withExtendedLifetime(piece.memory) { try body(bytes(of: piece, range)) }
    }
    let copy = copy(range)
    return try withExtendedLifetime(copy) { try body(UnsafeRawBufferPointer(copy.bytes)) }
  }

  /// A tensor over `range`, which holds exactly its bytes; a copy where they are not aligned, or go
  /// on in another piece.
  func tensor(_ range: Range<Int>, _ dtype: DType, _ shape: [Int]) -> Tensor {
    guard !range.isEmpty else { return .zeros(shape, dtype) }
    if let (memory, whole) = piece(with: range) {
      let start = range.lowerBound - whole.lowerBound
      return memory.tensor(start..<(start + range.count), dtype, shape)
    }
    let copy = copy(range)
    return Tensor(wrapping: copy.bytes.baseAddress!, dtype: dtype, shape: shape, owner: copy)
  }

  /// Gives the memory of `range` back; see `MappedMemory.release`.
  func release(_ range: Range<Int>) {
    for (memory, whole) in pieces where whole.overlaps(range) {
      let part = range.clamped(to: whole)
      memory.release(
        (part.lowerBound - whole.lowerBound)..<(part.upperBound - whole.lowerBound))
    }
  }

  /// - Throws: `FileError.unreadable` where some of the bytes could not be read.
  func checkWhole() throws { for piece in pieces { try piece.memory.checkWhole() } }

  private typealias Piece = (memory: MappedMemory, range: Range<Int>)

  /// The piece that holds all of `range`.
  private func piece(with range: Range<Int>) -> Piece? {
    pieces.first {
      $0.range.lowerBound <= range.lowerBound && range.upperBound <= $0.range.upperBound
    }
  }

  private func bytes(of piece: Piece, _ range: Range<Int>) -> UnsafeRawBufferPointer {
    let start = range.lowerBound - piece.range.lowerBound
    return UnsafeRawBufferPointer(rebasing: piece.memory.bytes[start..<(start + range.count)])
  }

  private func copy(_ range: Range<Int>) -> CopiedBytes {
    let copy = CopiedBytes(range.count)
    for piece in pieces where piece.range.overlaps(range) {
      let part = range.clamped(to: piece.range)
      UnsafeMutableRawBufferPointer(
        rebasing: copy.bytes[(part.lowerBound - range.lowerBound)...]
      ).copyMemory(from: bytes(of: piece, part))
    }
    return copy
  }
}

/// Memory that lives as long as this object.
private final class CopiedBytes {
  let bytes: UnsafeMutableRawBufferPointer

  init(_ count: Int) { bytes = .allocate(byteCount: count, alignment: 64) }

  deinit { bytes.deallocate() }
}
