import ModelTestSupport
import NSARM
import SuperResolution
import TestSupport
import Upscaling

extension TinyModel {
  /// Tiny models with these names, each with weights of its own, in a folder.
  /// - Parameter twins: the names of those with a twin.
  static func shelf(_ names: [String], twins: Set<String> = [], in folder: ScratchFolder) throws
    -> ModelShelf
  {
    let entries = try names.enumerated().map { index, name in
      let path = folder("Models/\(name)")
      func write(_ path: String, seed: UInt64) throws {
        try ModelFolder.write(make(seed: seed), to: path, provenance: [:])
      }
      try write(path, seed: UInt64(index) + 1)
      if twins.contains(name) {
        try write("\(path)/\(ModelFolder.twin)", seed: UInt64(index) + 100)
      }
      return ModelShelf.Entry(try ModelFolder(path), description: "Model \(index).")
    }
    var options = ModelShelf.Options()
    options.loader = ModelLoader(.float32, memory: .unlimited)
    options.loader.batch = 4
    return ModelShelf(entries, standard: entries[0], options)
  }
}
