import Foundation
import Imaging
import NSARM
import Upscaling

/// Makes previews as often as that costs a tenth of the time, on the thread that restores.
final class PreviewMaker: @unchecked Sendable {
  private let (input, reading, scale, folder): (String, ReadOptions, Int, String)
  private let progress: WorkProgress
  private var canvas: PreviewCanvas?
  private var next = SuspendingClock.now

  init(
    _ input: String, _ reading: ReadOptions, scale: Int, in folder: String,
    _ progress: WorkProgress
  ) {
    (self.input, self.reading, self.scale, self.folder) = (input, reading, scale, folder)
    self.progress = progress
  }

  /// A preview that fails is none; the restoration goes on.
  func show(_ preview: ScalePreview) {
    let isLast = preview.scale + 1 == preview.scaleCount
    let start = SuspendingClock.now
    guard start >= next || isLast else { return }
    guard let jpeg = try? drawn(preview) else { return }
    progress.show(jpeg)
    let end = SuspendingClock.now
    next = end + max(.milliseconds(200), (end - start) * 9)
  }

  private func drawn(_ preview: ScalePreview) throws -> Data {
    if canvas == nil {
      let reader = try ImageFile.open(input, options: reading)
      try reader.decode()
      canvas = try PreviewCanvas(reader, scale: scale)
    }
    canvas!.paint(preview)
    return try canvas!.jpeg(in: folder)
  }
}
