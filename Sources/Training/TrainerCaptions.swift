import Files
import Foundation
import NSARM
import Terminal

/// Captions and text encoders in runs of models conditioned on text.
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
