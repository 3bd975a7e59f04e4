import Foundation
import Imaging
import Testing
import Torch

@testable import Degradations

/// Processor time per picture; run in release mode with NSARM_BENCHMARK=1. Serialized, since they
/// measure time.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["NSARM_BENCHMARK"] != nil), .serialized)
struct SpeedTests {
  private func milliseconds(_ repeats: Int, _ body: (Int) -> Void) -> Double {
    body(0)
    let start = threadTime()
    for i in 0..<repeats { body(i) }
    return (threadTime() - start) / Double(repeats)
  }

  /// Milliseconds that this thread has computed: the stages use no other, and waiting does not
  /// count.
  private func threadTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
  }

  @Test(arguments: [128, 256])
  func pipeline(size: Int) {
    let (pipeline, x) = (DegradationPipeline(), picture(size, size))
    let repeats = 256 * 128 / size
    let time = milliseconds(repeats) {
      _ = pipeline.degrade(x, seed: UInt64($0), scale: 4)
    }
    let stages: [(String, (Planes, Int) -> Void)] = [
      ("unsharp mask", { x, _ in _ = UnsharpMask()(x) }),
      ("Gaussian 21", { x, _ in _ = x.filtered(.gaussian(size: 21, .isotropic(3))) }),
      ("plateau 21", { x, _ in _ = x.filtered(.plateau(size: 21, .isotropic(3), beta: 1)) }),
      ("bicubic 1.5", { x, _ in _ = x.resized(size * 3 / 2, size * 3 / 2, .bicubic) }),
      ("area 0.5", { x, _ in _ = x.resized(size / 2, size / 2, .area) }),
      (
        "normal noise",
        { x, i in
          var (x, random) = (x, RandomStream(seed: UInt64(i), stream: 0))
          x.add(.gaussian(sigma: 10, gray: false), &random)
        }
      ),
      (
        "Poisson noise",
        { x, i in
          var (x, random) = (x, RandomStream(seed: UInt64(i), stream: 0))
          x.add(.poisson(scale: 1, gray: false), &random)
        }
      ),
      ("JPEG", { x, _ in _ = JPEGSimulation()(x, quality: 60) }),
    ]
    print(String(format: "%d x %d: %.2f ms, %.0f pictures/s", size, size, time, 1000 / time))
    for (name, stage) in stages {
      print("  \(name): \(String(format: "%.2f ms", milliseconds(50) { stage(x, $0) }))")
    }
  }
}
