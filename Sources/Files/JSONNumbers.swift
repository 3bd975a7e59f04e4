import Foundation

// Numbers that JSON does not have are written as the texts "inf", "-inf" and "nan".

extension JSONEncoder {
  /// An encoder that takes infinities and NaN.
  package static func forMeasurements(_ formatting: OutputFormatting) -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return encoder
  }
}

extension JSONDecoder {
  /// The counterpart of `JSONEncoder.forMeasurements`.
  package static func forMeasurements() -> JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }
}
