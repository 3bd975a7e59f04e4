import Files
import Imaging
import Logging
import Metrics

/// Logs warnings of the libraries that read pictures. A file can cause any number of them, so only
/// some are logged; all are counted.
enum PictureWarnings {
  static func log(to logger: Logger) {
    let rateLimit = RateLimit(perMinute: 60)
    LibraryWarnings.receive { library, text in
      Counter(label: "nsarm_library_warnings").increment()
      guard rateLimit.take("").isGranted else { return }
      logger.warning("\(oneLine(text))", metadata: ["library": "\(library)"])
    }
  }
}
