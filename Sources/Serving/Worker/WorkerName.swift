import Foundation

/// Unique names of workers: host, boot, PID namespace and a random part.
enum WorkerName {
  static func new() -> String {
    let boot = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
    let namespace = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")
    return [
      ProcessInfo.processInfo.hostName, boot?.trimmingCharacters(in: .whitespacesAndNewlines),
      namespace, UUID().uuidString.lowercased(),
    ].compactMap { $0 }.joined(separator: " ")
  }
}
