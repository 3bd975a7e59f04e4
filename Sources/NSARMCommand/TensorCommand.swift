import ArgumentParser

/// A command that computes from beginning to end. libtorch is loaded before it runs, so that a
/// missing library is reported at once. Other commands load it when they need it.
protocol TensorCommand: ParsableCommand {
  /// The options that set the number of threads; nil: the command has none.
  var threadOptions: ThreadOptions? { get }
}

extension TensorCommand {
  var threadOptions: ThreadOptions? { nil }
}

extension CompareCommand: TensorCommand {}
extension ConvertCommand: TensorCommand {}
extension VerifyCommand: TensorCommand {}

extension BenchCommand: TensorCommand { var threadOptions: ThreadOptions? { compute.threads } }
extension BenchmarkCommand: TensorCommand { var threadOptions: ThreadOptions? { compute.threads } }
extension CalibrateCommand: TensorCommand { var threadOptions: ThreadOptions? { threads } }
extension EvaluateCommand: TensorCommand { var threadOptions: ThreadOptions? { compute.threads } }
extension FlickerCommand: TensorCommand { var threadOptions: ThreadOptions? { threads } }
extension InfoCommand: TensorCommand { var threadOptions: ThreadOptions? { compute.threads } }
extension ModelsCommand: TensorCommand { var threadOptions: ThreadOptions? { compute.threads } }
extension TrainCommand: TensorCommand { var threadOptions: ThreadOptions? { compute.threads } }
extension VideoCommand: TensorCommand { var threadOptions: ThreadOptions? { compute.threads } }
