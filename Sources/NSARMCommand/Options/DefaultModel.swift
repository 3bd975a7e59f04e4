import Foundation
import NSARM
import SuperResolution
import Terminal
import Torch
import Upscaling

/// The model that restores pictures where none is named: the best of those that come with the
/// package that takes a minute at most for a picture of a megapixel on this machine.
enum DefaultModel {
  static let limit = 60.0

  /// - Throws: where no model is there, or none can be loaded.
  static func choose(_ loader: ModelLoader) throws -> ModelFolder {
    var slower: [String] = []
    let last = ModelCatalog.shipped.last!
    for name in ModelCatalog.shipped.dropLast() {
      guard let path = try? ModelLocator.find(name, environment: [:]),
        let folder = try? ModelFolder(path)
      else { continue }
      let plan: ModelLoader.Plan
      do {
        plan = try loader.plan(folder)
      } catch is SuperResolutionError {
        slower.append("'\(name)' does not fit into memory")
        continue
      }
      let speed = try RestorationSpeed(plan)
      let time = ProgressLine.duration(speed.seconds)
      guard speed.seconds > limit else {
        // Once, when it is measured.
        if speed.isNew {
          note(
            "note: '\(name)' is used, which takes \(time) for a megapixel here; --model \(last) is faster"
          )
        }
        return folder
      }
      if speed.isNew { slower.append("'\(name)' takes \(time) for a megapixel here") }
    }
    if !slower.isEmpty {
      note(
        "note: \(slower.joined(separator: ", ")), so '\(last)' is used; --model names another, and"
          + " 'nsarm models' lists them")
    }
    return try ModelFolder(try ModelLocator.find(last, environment: [:]))
  }
}
