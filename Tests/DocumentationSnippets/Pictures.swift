import Evaluation
import Imaging

/// Documentation/evaluation.md.
func evaluation() throws {
  let suite = try MetricSuite()
  let reference = suite.reference(try ImageFile.readRGB("original.png"))
  let scores = suite.scores(try ImageFile.readRGB("restored.png"), reference)
  print(scores[.lpipsAlex] ?? .nan, suite.unavailable.map(\.title))
}

/// `MetricSuite`.
func scores(_ restored: Image, _ original: Image) throws {
  let suite = try MetricSuite()
  let scores = suite.scores(restored, suite.reference(original))
  precondition(scores[.psnrY] != nil)
}

/// `PeerCommand`.
func peerCommand() throws {
  let peer = try PeerCommand("x4plus=python3 run.py {input} {output}")
  precondition(peer.name == "x4plus")
}

/// `ImageWriter`.
func writer(_ strips: [FloatImage]) throws {
  let writer = try ImageWriter("out.png", width: 4096, height: 3072, channels: 3)
  for strip in strips { try writer.write(strip) }
  try writer.finish()
}

/// `Resize`.
func resizedWindow(_ reader: ImageReader) throws {
  let resize = Resize(.bicubic, from: (512, 384), to: (2048, 1536))
  let window = PixelRect(x: 1000, y: 800, width: 256, height: 256)
  let needed = resize.sourceRect(for: window)
  let piece = resize(try reader.planes(needed), at: needed, window: window)
  precondition(piece.width == 256 && piece.height == 256)
}
