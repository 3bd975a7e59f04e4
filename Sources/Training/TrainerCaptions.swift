import Files
import Foundation
import NSARM
import Terminal

/// Captions and text encoders in runs of models conditioned on text.
extension Trainer {
  /// Lets the stage encode the captions of all pictures: on rank 0, and then on the others, which
  /// find them encoded where they see its folder.
  /// - Returns: false where the run is to stop meanwhile.
  func prepareCaptions() throws -> Bool {
    let captions = source.captions.union(validation?.captions ?? [])
    guard !captions.isEmpty else { return true }
    for round in 0..<min(ranks.size, 2) {
      let isStopped = try ranks.together {
        guard ranks.isFirst == (round == 0) else { return false }
        do {
          try stage.prepare(captions: captions, in: output) { fraction in
            if shouldStop(state.step) { throw CancellationError() }
            progress.update { ProgressLine.bar(fraction) + " encoding \(captions.count) captions" }
          }
          return false
        } catch is CancellationError {
          return true
        }
      }
      guard try ranks.sums([isStopped ? 1 : 0])[0] == 0 else { return false }
    }
    return true
  }

  /// Links the text encoder of the model that the run started from into the model in `path`, where
  /// the next stage finds it: training does not change it. The features of the model's own prompt
  /// are copied.
  func linkTextEncoder(in path: String) throws {
    guard let initial else { return }
    let features = "/" + ModelFolder.promptFile
    if FileManager.default.fileExists(atPath: initial + features) {
      try FileManager.default.copyItem(atPath: initial + features, toPath: path + features)
    }
    let name = ModelFolder.textEncoder
    guard isFolder(initial + "/" + name) else { return }
    let target = URL(fileURLWithPath: initial + "/" + name).resolvingSymlinksInPath().path
    try FileManager.default.createSymbolicLink(
      atPath: path + "/" + name, withDestinationPath: target)
  }
}
