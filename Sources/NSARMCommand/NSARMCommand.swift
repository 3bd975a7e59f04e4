import ArgumentParser

/// The root command, `nsarm`.
struct NSARMCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nsarm",
    abstract: "Super-resolution of real-world photos by next-scale autoregressive modelling.",
    version: "nsarm 0.3.0",
    subcommands: [
      UpscaleCommand.self, InfoCommand.self, TrainCommand.self, CalibrateCommand.self,
      BenchCommand.self, EvaluateCommand.self, BenchmarkCommand.self, CompareCommand.self,
    ])

  /// As errors of the commands themselves begin.
  static var _errorPrefix: String { "error: " }
}
