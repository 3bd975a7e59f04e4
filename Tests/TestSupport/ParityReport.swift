import Foundation

/// Compares computed tensors with a fixture's and keeps the record of one fixture file.
///
/// ```swift
/// let report = ParityReport("color")
/// report.compare("out.adain_float", computed, fixture["out.adain_float"].floats, tolerance: 1e-5)
/// report.finish()                       // prints: PARITY color.safetensors 1 3.1e-07 1.0e-05
/// #expect(report.failures.isEmpty, "\(report.failures)")
/// ```
public final class ParityReport {
  /// The reference of a tolerance.
  public enum Scale: Sendable {
    /// max |a − b| ≤ tolerance
    case absolute
    /// max |a − b| ≤ tolerance · standard deviation of the expected tensor
    case standardDeviation
    /// max |a − b| ≤ tolerance · max |expected|
    case maximum
  }

  public let file: String
  public private(set) var failures: [String] = []
  public private(set) var tensorCount = 0
  /// Names that were compared.
  public private(set) var covered: Set<String> = []
  private var worst = (ratio: -1.0, error: 0.0, tolerance: 0.0, name: "")

  /// - Parameters:
  ///   - name: the fixture's name, without extension.
  ///   - part: the part that the report covers, if several share a file.
  public init(_ name: String, part: String? = nil) {
    file = "\(name).safetensors" + (part.map { "/\($0)" } ?? "")
  }

  /// Compares element by element; records a failure if shapes or values differ.
  ///
  /// - Parameter allowedOutliers: the number of elements that may exceed the tolerance, at most by
  ///   `outlierTolerance` (for 8-bit pictures: tolerance 0, a few pixels by one level).
  @discardableResult
  public func compare(
    _ name: String, _ actual: [Float], _ expected: [Float], tolerance: Double,
    relativeTo scale: Scale = .absolute, allowedOutliers: Int = 0, outlierTolerance: Double = 0
  ) -> Bool {
    tensorCount += 1
    covered.insert(name)
    guard actual.count == expected.count else {
      failures.append("\(name): \(actual.count) elements, expected \(expected.count)")
      return false
    }
    let unit: Double
    switch scale {
    case .absolute: unit = 1
    case .maximum: unit = expected.reduce(0.0) { max($0, abs(Double($1))) }
    case .standardDeviation: unit = standardDeviation(expected)
    }
    let limit = tolerance * unit
    var (largest, outliers) = (0.0, 0)
    for (a, b) in zip(actual, expected) {
      let error = abs(Double(a) - Double(b))
      if !(error <= limit) { outliers += 1 }
      largest = error.isNaN ? .infinity : max(largest, error)
    }
    let relative = unit > 0 ? largest / unit : largest
    let allowed = outliers > 0 && outliers <= allowedOutliers && relative <= outlierTolerance
    if allowed { return true }
    let ratio = tolerance > 0 ? relative / tolerance : (relative > 0 ? .infinity : 0)
    if ratio > worst.ratio { worst = (ratio, relative, tolerance, name) }
    guard ratio <= 1 else {
      failures.append(
        "\(name): \(outliers) of \(actual.count) elements differ, largest error \(relative),"
          + " tolerance \(tolerance)")
      return false
    }
    return true
  }

  /// Compares bits, indices or 8-bit pictures, which must be equal.
  @discardableResult
  public func compare<T: BinaryInteger>(_ name: String, _ actual: [T], _ expected: [T]) -> Bool {
    compare(name, actual.map { Float($0) }, expected.map { Float($0) }, tolerance: 0)
  }

  /// Records a failure of the tensor called `name`.
  public func fail(_ name: String, _ reason: String) {
    covered.insert(name)
    failures.append("\(name): \(reason)")
  }

  /// Records a failure for each of `names` that was never compared.
  public func requireCoverage(of names: [String]) {
    for name in names where !covered.contains(name) { failures.append("\(name): not compared") }
  }

  /// Prints the record: `PARITY file tensor-count worst-error tolerance`, for the tensor that came
  /// nearest to its tolerance (or exceeded it most); allowed outliers do not count.
  public func finish() {
    print(
      String(
        format: "PARITY %@ %d %.2g %.2g%@", file, tensorCount, worst.error, worst.tolerance,
        failures.isEmpty ? "" : " FAILED \(worst.name)"))
  }

  private func standardDeviation(_ values: [Float]) -> Double {
    guard values.count > 1 else { return 1 }
    let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
    let square = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    return (square / Double(values.count - 1)).squareRoot()
  }
}
