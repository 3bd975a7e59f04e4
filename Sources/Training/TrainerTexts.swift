import Files
import Foundation
import NSARM
import Terminal

/// What a run does for models conditioned on text.
extension Trainer {
  /// Lets the stage encode the captions of all pictures.
  func prepareCaptions() throws {
    let captions = source.captions.union(validation?.captions ?? [])
    guard !captions.isEmpty else { return }
    try stage.prepare(captions: captions, in: folder.path) { fraction in
      if shouldStop(state.step) { throw CancellationError() }
      progress.update { ProgressLine.bar(fraction) + " encoding \(captions.count) captions" }
    }
  }

  /// Gives the model in `path` the text encoder of the model that the run started from, as a link:
  /// training leaves it as it is, and the next stage finds it. With it go the features of the
  /// model's own prompt.
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
