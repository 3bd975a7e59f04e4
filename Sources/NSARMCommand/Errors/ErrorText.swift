import Foundation

/// An error in one line, with its remedy.
///
/// - Parameter ofUpscale: whether the error ends a picture of `nsarm upscale`, which has options of
///   its own.
func errorText(_ error: any Error, ofUpscale: Bool = false) -> String {
  let fact =
    switch error {
    case let error as any LocalizedError where error.errorDescription != nil:
      error.errorDescription!
    case let error as any CustomStringConvertible: error.description
    default: error.localizedDescription
    }
  let text = [fact, Remedies.remedy(for: error, ofUpscale: ofUpscale)].compactMap(\.self)
    .joined(separator: "; ")
  return AddressSpace.explained(text.split(whereSeparator: \.isNewline).joined(separator: " "))
}
