import CTorch

/// Runs `body` with matrix products, convolutions and attention in `dtype`, and operators that need
/// range or precision in float32 (libtorch's autocast). Regions nest: each sets its own type and
/// restores the outer one, also when `body` throws. In a `.float32` region operators run in the
/// types of their operands, so that float32 operands really are multiplied in float32, whatever is
/// around the region.
public func withAutocast<Result>(
  _ dtype: DType, on device: Device, _ body: () throws -> Result
) rethrows -> Result {
  var outer = ct_autocast()
  demand(ct_enter_autocast(device.type, dtype != .float32, dtype.code, &outer))
  defer { demand(ct_leave_autocast(device.type, outer)) }
  return try body()
}

/// The element type of matrix products with float32 operands on `device` here: that of the
/// innermost region.
public func autocastType(on device: Device) -> DType {
  DType(rawValue: ct_autocast_dtype(device.type)) ?? .float32
}
