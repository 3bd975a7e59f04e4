import ArgumentParser

/// A command that computes from beginning to end, for which libtorch is loaded before it runs:
/// where it is missing, that is told at once. The others load it when they want it, if ever.
protocol TensorCommand: ParsableCommand {}

extension BenchCommand: TensorCommand {}
extension BenchmarkCommand: TensorCommand {}
extension CalibrateCommand: TensorCommand {}
extension CompareCommand: TensorCommand {}
extension ConvertCommand: TensorCommand {}
extension EvaluateCommand: TensorCommand {}
extension FlickerCommand: TensorCommand {}
extension ModelsCommand: TensorCommand {}
extension InfoCommand: TensorCommand {}
extension TrainCommand: TensorCommand {}
extension VerifyCommand: TensorCommand {}
extension VideoCommand: TensorCommand {}
