import Foundation

/// The signal that has come; 0 for none. Unguarded, since a signal handler may take no lock: it is
/// written by the handler alone, and a `sig_atomic_t` is read and written whole.
nonisolated(unsafe) private var received: sig_atomic_t = 0

/// SIGINT and SIGTERM as a wish to stop: the first is remembered, a second ends the process at
/// once.
public enum Interruption {
  public static func install() {
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        received = number
        signal(SIGINT, SIG_DFL)
        signal(SIGTERM, SIG_DFL)
      }
    }
    // Programs that start others from a thread of a pool hand on its mask, which blocks signals.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  public static var isRequested: Bool { received != 0 }

  /// The exit status that tells which signal stopped the process: 130 after SIGINT, 143 after
  /// SIGTERM.
  public static var status: Int32 { 128 + received }
}
