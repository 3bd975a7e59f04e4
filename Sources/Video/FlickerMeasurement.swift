import ImageQuality
import Imaging

extension FlickerMeter {
  /// A meter that compensates motion by block matching.
  /// - Parameter videoCount: the number of videos besides the reference.
  init(videoCount: Int, width: Int, height: Int) {
    var matching = BlockMatching()
    matching.side = 8
    self.init(videoCount: videoCount) { [matching] frame, previous in
      let field = matching(
        Luma(width: width, height: height, values: frame),
        Luma(width: width, height: height, values: previous))
      return { field.moved($0, width: width, height: height) }
    }
  }

  /// Measures the first video, which is the reference, and the others.
  ///
  /// - Parameter progress: called with the share that is done; an error thrown here stops the work.
  /// - Throws: `VideoError` if a video's frames do not correspond to the reference's.
  public static func measure(
    _ videos: [VideoProperties], _ tools: FFmpeg, progress: (Double) throws -> Void
  ) throws -> [Result] {
    let readers = try videos.map { try FrameReader($0, tools) }
    defer { for reader in readers { reader.stop() } }
    let (width, height) = (videos[0].width, videos[0].height)
    var meter = FlickerMeter(videoCount: videos.count, width: width, height: height)
    while let original = try readers[0].next() {
      let frames =
        try [original]
        + readers.dropFirst().map { reader in
          guard let frame = try reader.next() else {
            throw VideoError(
              reader.properties.path,
              "has \(reader.frameCount) frames only, fewer than \(videos[0].path)")
          }
          return frame
        }
      let planes = frames.map { frame in
        let picture = frame.picture
        return Luma(
          picture.width == width && picture.height == height
            ? picture : picture.resized(toWidth: width, height: height, .bicubic)
        ).values
      }
      meter.add(planes[0], planes)
      try progress(Double(meter.frameCount) / Double(max(videos[0].frameCount, meter.frameCount)))
    }
    for reader in readers.dropFirst() where try reader.skip() {
      throw VideoError(reader.properties.path, "has more frames than \(videos[0].path)")
    }
    return meter.results
  }
}
