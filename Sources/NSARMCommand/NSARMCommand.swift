import ArgumentParser

/// The root command, `nsarm`.
struct NSARMCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nsarm",
    abstract: "Super-resolution of real-world photos by next-scale autoregressive modelling.",
    discussion: """
      Your own defaults are read from ~/.config/nsarm/config.yaml (or the file that NSARM_CONFIG names): a \
      section per subcommand with its options, such as 'upscale: {format: webp, skip-existing: true}'.
      """,
    version: "nsarm \(Version.text)",
    groupedSubcommands: [
      CommandGroup(
        name: "Restoration", subcommands: [UpscaleCommand.self, VideoCommand.self]),
      CommandGroup(
        name: "Service",
        subcommands: [
          ServeCommand.self, WorkCommand.self, ClientCommand.self, SubmitCommand.self,
        ]),
      CommandGroup(
        name: "Model",
        subcommands: [
          ModelsCommand.self, InfoCommand.self, ConvertCommand.self, VerifyCommand.self,
          CalibrateCommand.self, TrainCommand.self,
        ]),
      CommandGroup(
        name: "Measurement",
        subcommands: [
          EvaluateCommand.self, BenchmarkCommand.self, CompareCommand.self, FlickerCommand.self,
          BenchCommand.self,
        ]),
    ])

  /// As errors of the commands themselves begin.
  static var _errorPrefix: String { "error: " }
}
