import Foundation

/// The limit of this process's address space, `ulimit -v`, where there is one.
enum AddressSpace {
  /// Bytes; nil: no limit.
  static let limit: Int? = {
    var limit = rlimit()
    #if os(Linux)
      let resource = __rlimit_resource_t(RLIMIT_AS.rawValue)
    #else
      let resource = RLIMIT_AS
    #endif
    guard getrlimit(resource, &limit) == 0 else { return nil }
    return Int(exactly: limit.rlim_cur).flatMap { $0 < 1 << 60 ? $0 : nil }
  }()

  /// The remedy for an error that may come from the limit; nil: there is no limit.
  static var remedy: String? {
    limit.map { "ulimit -v limits the address space to \($0 >> 20) MB: raise it" }
  }

  /// An error's text with the remedy where it tells of memory that was lacking.
  static func explained(_ text: String) -> String {
    let signs = ["out of memory", "annot allocate memory", "creating thread"]
    guard let remedy, !text.hasSuffix(remedy), signs.contains(where: text.contains) else {
      return text
    }
    return "\(text); \(remedy)"
  }

  #if os(Linux)
    /// The line that the handler writes, made beforehand: a handler allocates nothing.
    nonisolated(unsafe) private static var line = UnsafeRawBufferPointer(start: nil, count: 0)
    private static let signals = [SIGABRT, SIGILL, SIGTRAP]
    /// The handlers of the signals before.
    nonisolated(unsafe) private static let former =
      UnsafeMutablePointer<sigaction>.allocate(capacity: signals.count)

    /// Makes the process end with a line and status 1 when Swift's runtime cannot allocate memory
    /// near the limit. Everywhere else nothing changes.
    static func explainEnd() {
      guard let limit else { return }
      let text = "error: out of memory; \(remedy!)\n"
      let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: text.utf8.count, alignment: 1)
      bytes.copyBytes(from: text.utf8)
      line = UnsafeRawBufferPointer(bytes)
      almostAll = max(0, limit - nearby)
      for (i, number) in signals.enumerated() {
        former.advanced(by: i).initialize(to: sigaction())
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in
          if AddressSpace.isNearlyFull {
            _ = write(2, AddressSpace.line.baseAddress, AddressSpace.line.count)
            _exit(1)
          }
          let place = number == SIGABRT ? 0 : number == SIGILL ? 1 : 2
          sigaction(number, AddressSpace.former.advanced(by: place), nil)
          raise(number)
        }
        sigaction(number, &action, former.advanced(by: i))
      }
    }

    /// The distance from the limit, in bytes, at which a crash is taken for its consequence: more
    /// than any piece of work asks for at once.
    private static let nearby = 256 << 20
    nonisolated(unsafe) private static var almostAll = 0

    /// By the first number of `/proc/self/statm`, pages. A handler may allocate nothing.
    private static var isNearlyFull: Bool {
      let file = open("/proc/self/statm", O_RDONLY)
      guard file >= 0 else { return false }
      defer { close(file) }
      var digits: (UInt64, UInt64) = (0, 0)
      return withUnsafeMutableBytes(of: &digits) { buffer in
        let count = read(file, buffer.baseAddress, buffer.count)
        var pages = 0
        for i in 0..<max(0, count) {
          let digit = Int(buffer[i]) - 48
          guard (0...9).contains(digit) else { break }
          pages = pages * 10 + digit
        }
        return pages * Int(getpagesize()) >= almostAll
      }
    }
  #else
    static func explainEnd() {}
  #endif
}
