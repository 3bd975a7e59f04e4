import ArgumentParser

/// The root command, `nsarm`.
struct NSARMCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nsarm",
    abstract: "Super-resolution of real-world photos by next-scale autoregressive modelling.",
    subcommands: [
      UpscaleCommand.self, InfoCommand.self, TrainCommand.self, CalibrateCommand.self,
      BenchCommand.self, EvaluateCommand.self, CompareCommand.self,
    ])
}
