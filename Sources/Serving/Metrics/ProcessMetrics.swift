import Foundation

/// What the process takes, by the names that Prometheus has for it.
enum ProcessMetrics {
  static func text() -> String {
    var text = ""
    func gauge(_ name: String, _ value: Int?) {
      if let value { text += "# TYPE \(name) gauge\n\(name) \(value)\n" }
    }
    let sizes = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?
      .split(separator: " ").compactMap { Int($0) }
    gauge("process_resident_memory_bytes", sizes.flatMap { $0.count > 1 ? $0[1] * pageSize : nil })
    let descriptors = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    gauge("process_open_fds", descriptors)
    return text
  }

  private static let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
}
