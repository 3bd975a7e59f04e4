import Foundation
import Imaging
import Upscaling

/// The lines of `nsarm upscale --explain` on a picture.
struct Explanation: Encodable {
  let input, output: String
  let page: Int?
  let read, written: PictureSummary
  let warnings: [String]

  /// - Throws: `ImagingError` where the picture cannot be read or written so.
  init(
    _ reader: ImageReader, _ item: BatchPlan.Item, named input: String,
    _ options: PhotoUpscaler.Options
  )
    throws
  {
    try reader.decode()
    let told = try PhotoUpscaler.explain(reader, to: item.output, options)
    self.input = input
    output = item.output
    page = item.page.map { $0 + 1 }
    (read, written, warnings) = (
      told.input, told.output, told.warnings.map(Remedies.warning)
    )
  }

  /// Lines for people.
  var text: String {
    func lines(_ title: String, _ name: String, _ summary: PictureSummary) -> [String] {
      [
        "\(title) \(name)",
        labelled("format", summary.format),
        labelled("size", "\(summary.width)x\(summary.height)"),
        labelled("samples", summary.samples),
        labelled("colours", summary.colors),
        labelled(
          "metadata", summary.metadata.isEmpty ? "none" : summary.metadata.joined(separator: ", ")),
      ]
    }
    let lost = warnings.isEmpty ? [] : ["not as in the file:"] + warnings.map { "  \($0)" }
    return (lines("read from", input, read) + lines("written to", output, written) + lost)
      .joined(separator: "\n")
  }
}
