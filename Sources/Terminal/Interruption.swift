import Foundation
import Synchronization

/// The signal that was received; 0 for none. An atomic, since a signal handler must not lock.
private let received = Atomic<Int32>(0)

/// Handles SIGINT and SIGTERM as requests to stop: the first is noted, a second one ends the
/// process immediately.
public enum Interruption {
  public static func install() {
    // The first use of a global variable takes a lock.
    _ = isRequested
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        received.store(number, ordering: .relaxed)
        signal(SIGINT, SIG_DFL)
        signal(SIGTERM, SIG_DFL)
      }
    }
    // A program that starts others from a pool's thread passes on its mask, which may block
    // signals.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  public static var isRequested: Bool { received.load(ordering: .relaxed) != 0 }

  /// The exit status that names the signal: 130 after SIGINT, 143 after SIGTERM.
  public static var status: Int32 { 128 + received.load(ordering: .relaxed) }
}
