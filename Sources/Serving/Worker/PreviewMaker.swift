import Foundation
import Imaging
import NSARM
import SuperResolution
import Synchronization
import Upscaling

/// Makes previews, for at most a tenth of the time, on the thread that restores.
final class PreviewMaker: Sendable {
  private struct State {
    var canvas: PreviewCanvas?
    var next = SuspendingClock.now
  }

  private let (input, reading, scale, folder): (String, ReadOptions, Int, String)
  private let progress: WorkProgress
  private let state = Mutex(State())

  init(
    _ input: String, _ reading: ReadOptions, scale: Int, in folder: String,
    _ progress: WorkProgress
  ) {
    (self.input, self.reading, self.scale, self.folder) = (input, reading, scale, folder)
    self.progress = progress
  }

  /// A failure is ignored: the restoration matters more than the preview.
  func show(_ preview: ScalePreview) {
    state.withLock { state in
      let isLast = preview.scale + 1 == preview.scaleCount
      let start = SuspendingClock.now
      guard start >= state.next || isLast else { return }
      guard let jpeg = try? draw(preview, on: &state.canvas) else { return }
      progress.show(jpeg)
      let end = SuspendingClock.now
      state.next = end + max(.milliseconds(200), (end - start) * 9)
    }
  }

  private func draw(_ preview: ScalePreview, on canvas: inout PreviewCanvas?) throws -> Data {
    if canvas == nil {
      let reader = try ImageFile.open(input, options: reading)
      try reader.decode()
      canvas = try PreviewCanvas(reader, scale: scale)
    }
    canvas!.paint(preview)
    return try canvas!.jpeg(in: folder)
  }
}
