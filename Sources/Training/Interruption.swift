import Foundation

nonisolated(unsafe) private var interruptions: sig_atomic_t = 0

/// SIGINT and SIGTERM as a wish to stop: the first is remembered, a second ends the process at
/// once.
public enum Interruption {
  public static func install() {
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        interruptions = 1
        signal(number, SIG_DFL)
      }
    }
  }

  public static var isRequested: Bool { interruptions != 0 }
}
