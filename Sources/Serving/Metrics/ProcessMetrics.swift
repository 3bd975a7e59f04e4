import Foundation

/// The resources of the process, under the names that Prometheus' client libraries use.
enum ProcessMetrics {
  static func write(to text: inout PrometheusText) {
    func metric(_ name: String, _ help: String, _ value: Double?, kind: String = "gauge") {
      if let value { text.metric(name, kind, help, [("", value)]) }
    }
    let sizes =
      (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?
      .split(separator: " ").compactMap { Double($0) } ?? []
    metric(
      "process_virtual_memory_bytes", "Address space of the process.", sizes.first.map { $0 * page }
    )
    metric(
      "process_resident_memory_bytes", "Memory of the process.",
      sizes.count > 1 ? sizes[1] * page : nil)
    let descriptors = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    metric("process_open_fds", "Open files and connections.", descriptors.map(Double.init))
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      metric("process_max_fds", "Limit of open files and connections.", Double(limit.rlim_cur))
    }
    var usage = rusage()
    if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
      func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
      metric(
        "process_cpu_seconds_total", "Processor time of the process.",
        seconds(usage.ru_utime) + seconds(usage.ru_stime), kind: "counter")
    }
    metric("process_start_time_seconds", "Start time of the process, in seconds since 1970.", start)
  }

  /// The start time in the kernel's unit: clock ticks since the machine was started.
  private static let start: Double? = {
    guard let stat = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
      let system = try? String(contentsOfFile: "/proc/stat", encoding: .utf8),
      let boot = system.firstMatch(of: #/\nbtime (\d+)/#).flatMap({ Double($0.1) }),
      // The fields after the name, which may contain any character.
      let fields = stat.split(separator: ")").last?.split(separator: " "), fields.count > 19,
      let ticks = Double(fields[19])
    else { return nil }
    return boot + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
  }()

  private static let page = Double(sysconf(Int32(_SC_PAGESIZE)))
}
