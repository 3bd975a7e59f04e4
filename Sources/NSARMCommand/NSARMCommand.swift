import ArgumentParser

/// The root command, `nsarm`.
struct NSARMCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nsarm",
    abstract: "Super-resolution of real-world photos by next-scale autoregressive modelling.",
    discussion: """
      Defaults of your own stand in ~/.config/nsarm/config.yaml (or the file that NSARM_CONFIG names): a \
      section per subcommand with its options, such as 'upscale: {format: webp, skip-existing: true}'.
      """,
    version: "nsarm \(Version.text)",
    subcommands: [
      UpscaleCommand.self, VideoCommand.self, ServeCommand.self, WorkCommand.self,
      ClientCommand.self,
      ModelsCommand.self, InfoCommand.self, TrainCommand.self, CalibrateCommand.self,
      BenchCommand.self,
      EvaluateCommand.self, BenchmarkCommand.self, CompareCommand.self, FlickerCommand.self,
      ConvertCommand.self, VerifyCommand.self,
    ])

  /// As errors of the commands themselves begin.
  static var _errorPrefix: String { "error: " }
}
