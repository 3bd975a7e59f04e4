import Foundation
import Imaging
import Torch
import Upscaling

/// What `nsarm upscale` says: a line per picture on standard output, errors on standard error.
struct UpscaleOutput {
  let json: Bool
  private(set) var failureCount = 0

  init(json: Bool) { self.json = json }

  mutating func failed(_ input: String, _ error: any Error) {
    failureCount += 1
    let text = String(describing: error).split(separator: "\n").joined(separator: " ")
    message("error: \(text)")
    if json { print(line(Failure(input: input, error: text))) }
  }

  func succeeded(
    _ item: BatchPlan.Item, _ report: PhotoUpscaler.Report, seconds: Double, seed: UInt64,
    scale: Double, model: String, policy: ComputePolicy
  ) {
    let (from, to) = (report.inputSize, report.outputSize)
    if json {
      print(
        line(
          Success(
            input: item.input.path, output: item.output, inputWidth: from.width,
            inputHeight: from.height, width: to.width, height: to.height, scale: scale,
            seconds: (seconds * 1000).rounded() / 1000, seed: seed, color: report.color.rawValue,
            model: model, device: policy.device.description,
            precision: policy.precision.rawValue, precisionReason: policy.reason)))
    } else {
      let time = String(format: "%.1f s", seconds)
      print(
        "\(item.output): \(from.width)x\(from.height) -> \(to.width)x\(to.height), \(time)")
    }
    fflush(nil)
  }

  func message(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }

  private struct Success: Encodable {
    let input, output: String
    let inputWidth, inputHeight, width, height: Int
    let scale, seconds: Double
    let seed: UInt64
    let color, model, device, precision, precisionReason: String
  }

  private struct Failure: Encodable { let input, error: String }

  private func line(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try! encoder.encode(value), as: UTF8.self)
  }
}
