import CVips
import Synchronization

/// Warnings of the libraries that read and write pictures, about odd but readable files. Discarded
/// by default.
public enum LibraryWarnings {
  public typealias Receiver = @Sendable (_ library: String, _ text: String) -> Void

  private static let receiver = Mutex<Receiver?>(nil)

  /// Sends the process's warnings to `receive` from now on. It is called on the threads that read
  /// and write.
  public static func receive(_ receive: @escaping Receiver) {
    receiver.withLock { $0 = receive }
    cvips_receive_warnings { library, text in
      let receive = LibraryWarnings.receiver.withLock { $0 }
      receive?(
        library.map { String(cString: $0) } ?? "GLib", text.map { String(cString: $0) } ?? "")
    }
  }
}
