import ArgumentParser
import Upscaling

extension ParsableArguments {
  /// Checks the number that was given for an option against the library's range.
  /// - Throws: `ValidationError` that names the option.
  func check<Value>(_ option: NumberOption<Value>, _ value: Value?) throws {
    do {
      try option.check(value)
    } catch {
      // "longSide" is --long-side.
      let name = option.name.map { $0.isUppercase ? "-\($0.lowercased())" : "\($0)" }.joined()
      throw ValidationError("--\(name) has to be \(option.rangeText)")
    }
  }
}
