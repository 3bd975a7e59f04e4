import ArgumentParser
import Foundation
import Imaging
import NSARM
import SuperResolution
import Terminal
import Torch
import Upscaling

/// `nsarm calibrate MODEL PICTURES...`
struct CalibrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Prepare a model's convolutions for --precision int8.",
    discussion: """
      Restores low-quality pictures in float32, records the ranges of the activations and writes them into the \
      model's folder. A few dozen pictures like those to be restored are enough. Matrices need no preparation \
      for 8 bits. 3x3 convolutions do, on processors that compute them faster in 8 bits than in float32 \
      (AVX-512 VNNI, AMX, Arm); without it, and on other processors, they stay in floating point.
      """)

  @Argument(help: "A model folder, or the name of one in Models.")
  var model: String

  @Argument(help: "Low-quality pictures and folders of them.")
  var pictures: [String]

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Number of pictures to use at most.", valueName: "count"))
  var limit = 40

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Side of the middle part of each picture that is used.", valueName: "pixels")
  )
  var crop = 128

  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    guard limit > 0, crop >= 16 else {
      throw ValidationError("--limit has to be at least 1 and --crop at least 16")
    }
  }

  func run() throws {
    let inputs = BatchInputs(pictures)
    for failure in inputs.failures { note("error: \(errorText(failure.error))") }
    let files = inputs.files.prefix(limit)
    guard !files.isEmpty else { throw ExitCode.failure }
    let folder = try ModelFolder(try ModelLocator.find(model))
    let model = try folder.load(.float32)
    let resolver = try SuperResolver(model)
    let progress = ProgressDisplay("calibrating")
    Interruption.install()
    let calibration = try model.calibration(pictures: files.count) {
      for (index, file) in files.enumerated() {
        if Interruption.isRequested { throw ExitCode(Interruption.status) }
        let part = try ImageFile.read(file.path).centre(width: crop, height: crop)
        _ = try resolver.upscaled(part.planes().asRGB.tensor.signed)
        progress.update(Double(index + 1) / Double(files.count))
      }
    }
    progress.clear()
    try folder.write(calibration)
    try StandardOutput.print(
      "\(folder.calibrationPath): ranges of \(calibration.ranges.count) inputs, seen in "
        + counted(files.count, "picture"))
    if !inputs.failures.isEmpty { throw ExitCode.failure }
  }
}
