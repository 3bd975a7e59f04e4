import ArgumentParser
import Foundation
import Training

/// `nsarm-benchmark loader`: throughput of the training data: crops, degradation, batches, without training.
struct Loader: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "loader", abstract: "Measure how fast training pairs are prepared.",
    discussion: """
      The photos are decoded before. Samples per second of processor time tell the cost where the \
      machine is shared.
      """)

  @Option(help: ArgumentHelp("The folder of photos.", valueName: "folder"))
  var data: String

  @Option(help: "Sides of the crops, pixels.")
  var crop: [Int] = [128, 256]

  @Option(help: "full, light, bicubic or mix.")
  var degradation = "full"

  @Option(help: "Loader threads.")
  var threads = 1

  @Option(help: "Batches of 8 samples to measure.")
  var batches = 20

  func validate() throws {
    guard DataSettings.Degradation(rawValue: degradation) != nil else {
      throw ValidationError("--degradation is full, light, bicubic or mix")
    }
  }

  func run() throws {
    for crop in crop {
      var settings = DataSettings()
      settings.crop = crop
      settings.degradation = DataSettings.Degradation(rawValue: degradation)!
      let dataset = try PhotoDataset(folder: data, settings: settings, seed: 1) {
        print("warning: \($0)")
      }
      let loader = BatchLoader(dataset, size: 8, first: 0, threads: threads, ahead: 1)
      defer { loader.stop() }
      dataset.decodePhotos()
      for _ in 0..<4 { _ = try loader.next() }
      let (start, used) = (Date(), processorSeconds())
      for _ in 0..<batches { _ = try loader.next() }
      let (wall, cpu) = (Date().timeIntervalSince(start), processorSeconds() - used)
      let samples = Double(batches * 8)
      print(
        "crop \(crop), \(degradation), \(threads) thread(s): "
          + String(
            format: "%.1f samples/s, %.1f samples per processor second", samples / wall,
            samples / cpu))
    }
  }

  private func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
