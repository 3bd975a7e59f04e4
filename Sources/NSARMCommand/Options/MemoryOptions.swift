import ArgumentParser
import Files
import NSARM
import SuperResolution
import Torch

/// The memory that the networks may take.
struct MemoryOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Memory to use at most, such as 6G or 900M (default: the memory that is free). With --precision int8 "
        + "blocks of a transformer that do not fit are read from the model's files again for every scale.",
      valueName: "size"))
  var maxMemory: ByteCount?

  init() {}

  var limit: ModelLoader.MemoryLimit { maxMemory.map { .bytes($0.bytes) } ?? .available }
}
