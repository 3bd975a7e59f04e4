import Torch

// What layers cost, so that networks can say what they cost: floating-point operations, where a
// multiplication with its addition is two.

extension Parameter {
  /// Per token for a matrix, per output position for a kernel.
  var operations: Double { 2 * Double(value.count) }
}

extension Conv2d {
  /// Per output position.
  var operations: Double { weight.operations }
}

extension Linear {
  /// Per token.
  var operations: Double { weight.operations }
}
