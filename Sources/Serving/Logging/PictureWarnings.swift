import Files
import Imaging
import Logging
import Metrics

/// Warnings of the libraries that read pictures, in the service's log. A file may cause any number
/// of them: only some are written down, all are counted.
enum PictureWarnings {
  static func log(to logger: Logger) {
    let allowance = Allowance(perMinute: 60)
    LibraryWarnings.receive { library, text in
      Counter(label: "nsarm_library_warnings").increment()
      guard allowance.take("").isGranted else { return }
      logger.warning("\(oneLine(text))", metadata: ["library": "\(library)"])
    }
  }
}
