import Imaging
import NSARM
import SuperResolution
import Torch
import Upscaling

extension VideoUpscaler {
  /// Restores the frames of a video between the decoder and the encoder.
  struct Run {
    private let upscaler: PhotoUpscaler
    private let input: VideoProperties
    private let size: (width: Int, height: Int)
    private let options: Options
    private let work: WorkFolder
    private let muxer: VideoMuxer
    private var scene: Scene?

    init(
      _ upscaler: PhotoUpscaler, _ input: VideoProperties, _ size: (width: Int, height: Int),
      _ options: Options, _ work: WorkFolder, _ muxer: VideoMuxer
    ) {
      self.upscaler = upscaler
      self.input = input
      self.size = size
      self.options = options
      self.work = work
      self.muxer = muxer
    }

    var sceneCount: Int { (scene?.index ?? 0) + 1 }

    /// Restores the remaining frames, segment by segment.
    /// - Returns: warnings.
    mutating func restore(progress: @escaping (Double, Int) throws -> Void) throws -> [String] {
      let reader = try FrameReader(input, muxer.tools)
      defer { reader.stop() }
      scene = try work.scene()
      for _ in 0..<work.frameCount {
        guard try reader.skip() else {
          throw VideoError(
            work.path, "is of a longer video; remove the folder to start over")
        }
        try progress(0, 0)
      }
      var next = try reader.next()
      while next != nil {
        let animation = muxer.animation(timeBase: reader.timeBase)
        let writer = try SegmentWriter(
          work.nextSegment, output: muxer.output, size: size, options.encoding, input,
          animation: animation, timeBase: reader.timeBase, muxer.tools)
        var times: [Int64] = []
        do {
          while let frame = next, times.count < options.segmentLength {
            let number = reader.frameCount - 1
            let restored = try throwingResourceErrors {
              try self.restored(frame.picture, number: number, progress)
            }
            let first = work.firstTime ?? times.first ?? frame.time
            // Enlarged separately, as that of pictures is.
            let alpha = frame.alpha.map {
              $0.resized(toWidth: size.width, height: size.height, .bicubic).clamped
            }
            try writer.append(restored, alpha: alpha, time: frame.time - first)
            times.append(frame.time)
            next = try reader.next()
          }
          try writer.finish()
        } catch {
          writer.cancel()
          throw error
        }
        try work.commit(times: times, timeBase: reader.timeBase, scene: scene)
      }
      let animation = muxer.animation(timeBase: reader.timeBase)
      return (reader.warning.map { [$0] } ?? [])
        + (reader.sawTransparency && animation == nil ? ["transparency is left out"] : [])
        + (animation?.limitsRate == true
          ? ["frames are left out: programs show at most 50 frames of a GIF per second"] : [])
    }

    /// A frame, restored in the context of its scene.
    private mutating func restored(
      _ frame: FloatImage, number: Int, _ progress: @escaping (Double, Int) throws -> Void
    ) throws -> FloatImage {
      let all = max(input.frameCount, number + 1)
      let report: (Double) throws -> Void = { try progress(Double(number) + $0, all) }
      var pictures = options.pictures
      guard let consistency = options.consistency else {
        pictures.resolver.seed = RandomStream.key(pictures.resolver.seed, UInt64(number))
        return try upscaler(
          frame: frame, pictures, size: size, TemporalPrior(), progress: report
        ).picture
      }
      let (grid, side) = try upscaler.resolver.tokenGrid(
        width: input.width, height: input.height, pictures.resolver)
      if scene == nil {
        scene = Scene(frame, side: side)
      } else {
        scene!.advance(to: frame, consistency)
      }
      pictures.resolver.seed = scene!.seed(pictures.resolver.seed)
      let (picture, codes) = try upscaler(
        frame: scene!.average, pictures, size: size, scene!.context(grid, consistency),
        progress: report)
      scene!.codes = codes
      return picture
    }
  }
}
