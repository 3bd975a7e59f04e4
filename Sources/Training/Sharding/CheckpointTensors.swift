import Checkpoints
import Foundation
import Torch

/// The tensors of a checkpoint, whole or in pieces, whatever number of ranks wrote them. The files
/// are mapped, so that only what is asked for is read.
final class CheckpointTensors {
  /// Elements of a tensor, from `start` on, in row-major order.
  private struct Piece {
    let start: Int
    let source: SafetensorsFile
    let name: String
  }

  private let folder: String
  private var pieces: [CheckpointPiece.File: [String: [Piece]]] = [:]
  private var whole: [CheckpointPiece.File: [String: SafetensorsFile]] = [:]

  /// - Throws: `TrainingError.damagedCheckpoint` where a file is missing; `CheckpointError` for a
  ///   damaged one.
  init(_ folder: String) throws {
    self.folder = folder
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    for file in CheckpointPiece.File.allCases {
      for name in try Self.files(file, among: names, folder) {
        let source = try SafetensorsFile(folder + "/" + name)
        for key in source.names {
          guard let at = key.lastIndex(of: "@"), let start = Int(key[key.index(after: at)...])
          else {
            whole[file, default: [:]][key] = source
            continue
          }
          let piece = Piece(start: start, source: source, name: key)
          pieces[file, default: [:]][String(key[..<at]), default: []].append(piece)
        }
      }
    }
  }

  /// "optimizer.safetensors", or "optimizer-00001-of-00004.safetensors" to "...-00004-of-00004...".
  private static func files(
    _ file: CheckpointPiece.File, among names: [String], _ folder: String
  ) throws -> [String] {
    let single = file.rawValue + ".safetensors"
    if names.contains(single) { return [single] }
    let shards = names.filter { $0.hasPrefix(file.rawValue + "-") }
    let count = shards.compactMap { name in
      name.firstMatch(of: /-of-(\d+)\.safetensors$/).flatMap { Int($0.1) }
    }.max()
    guard let count else {
      throw TrainingError.damagedCheckpoint(folder: folder, problem: "it has no '\(single)'")
    }
    let all = (0..<count).map { file.shardName($0, of: count) }
    if let missing = all.first(where: { !shards.contains($0) }) {
      throw TrainingError.damagedCheckpoint(folder: folder, problem: "it has no '\(missing)'")
    }
    return all
  }

  /// Reads what `piece` describes into its tensor.
  /// - Throws: `TrainingError.damagedCheckpoint` where elements are missing or the shape differs.
  func restore(_ piece: CheckpointPiece) throws {
    if let part = piece.part {
      piece.tensor.copyInPlace(
        try elements(part.elements, of: part.count, piece.file, piece.name))
    } else if whole[piece.file]?[piece.name] == nil, pieces[piece.file]?[piece.name] != nil {
      let count = piece.tensor.count
      piece.tensor.copyInPlace(
        try elements(0..<count, of: count, piece.file, piece.name).reshaped(piece.tensor.shape))
    } else {
      let tensor = try tensor(piece.file, piece.name)
      guard tensor.shape == piece.tensor.shape else {
        throw damage(
          "'\(piece.name)' has shape \(tensor.shape), the model's is \(piece.tensor.shape)")
      }
      piece.tensor.copyInPlace(tensor)
    }
  }

  private func tensor(_ file: CheckpointPiece.File, _ name: String) throws -> Tensor {
    guard let source = whole[file]?[name] else { throw damage("it has no tensor '\(name)'") }
    return try source.tensor(name)
  }

  /// Some elements of a tensor that has `count`, `[range.count]`.
  private func elements(
    _ range: Range<Int>, of count: Int, _ file: CheckpointPiece.File, _ name: String
  ) throws -> Tensor {
    guard let pieces = pieces[file]?[name] else {
      let tensor = try tensor(file, name)
      guard tensor.count == count else {
        throw damage("'\(name)' has \(tensor.count) elements, the model's \(count)")
      }
      return tensor.reshaped(-1).narrowed(0, from: range.lowerBound, count: range.count)
    }
    var found: [Tensor] = []
    var end = 0
    for piece in pieces.sorted(by: { $0.start < $1.start }) {
      let length = piece.source.shape(piece.name)?.reduce(1, *) ?? 0
      guard piece.start == end else {
        throw damage("the pieces of '\(name)' do not follow one another")
      }
      end += length
      let wanted = range.clamped(to: piece.start..<end)
      guard !wanted.isEmpty else { continue }
      found.append(
        try piece.source.tensor(piece.name)
          .narrowed(0, from: wanted.lowerBound - piece.start, count: wanted.count))
    }
    guard end == count else {
      throw damage("'\(name)' has \(end) elements, the model's \(count)")
    }
    return found.count == 1 ? found[0] : .concatenated(found, 0)
  }

  private func damage(_ problem: String) -> TrainingError {
    .damagedCheckpoint(folder: folder, problem: problem)
  }
}

extension CheckpointPiece.File {
  /// The file of rank `rank` among `count`: "optimizer-00001-of-00004.safetensors".
  func shardName(_ rank: Int, of count: Int) -> String {
    func digits(_ number: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, 5 - text.count)) + text
    }
    return "\(rawValue)-\(digits(rank + 1))-of-\(digits(count)).safetensors"
  }
}
