import Imaging

/// Writes a picture with the input, enlarged by bicubic interpolation to the output's size, on the left
/// and the output on the right.
///
/// - Throws: `ImagingError`; then no file is left.
public func writeComparison(
  of input: String, and output: String, to path: String, overwrite: Bool = false
) throws {
  let limits = ReadOptions(maximumDimension: 1_000_000, maximumPixels: 16_000_000_000)
  let (left, right) = (try ImageFile.open(input), try ImageFile.open(output, options: limits))
  let (width, height) = (right.width, right.height)
  let writer = try ImageWriter(
    path, width: 2 * width, height: height, channels: 3, metadata: right.metadata,
    overwrite: overwrite)
  defer { writer.cancel() }
  let reference = ColorReference(left, width: width, height: height)
  for rows in pieces(of: 0..<height) {
    let before = try reference.rows(rows)
    let after = try right.colors(
      PixelRect(x: 0, y: rows.lowerBound, width: width, height: rows.count))
    var values: [Float] = []
    values.reserveCapacity(6 * width * rows.count)
    for line in 0..<3 * rows.count {
      values += before.values[line * width..<(line + 1) * width]
      values += after.values[line * width..<(line + 1) * width]
    }
    try writer.write(Planes(width: 2 * width, height: rows.count, channels: 3, values: values))
  }
  try writer.finish()
}
