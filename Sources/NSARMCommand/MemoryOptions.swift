import ArgumentParser
import Foundation
import NSARM
import Torch

/// How much memory the networks may take.
struct MemoryOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Memory to use at most, such as 6G or 900M (default: what is free). With --precision int8 the blocks "
        + "of a transformer that do not fit are read from the model's files again for every scale.",
      valueName: "size"))
  var maxMemory: ByteCount?

  init() {}

  /// How `configuration` is run within the limit.
  /// - Throws: `SuperResolutionError` where it cannot be.
  func plan(
    _ configuration: ModelConfiguration, _ policy: ComputePolicy, window: Int?, batch: Int
  ) throws -> MemoryPlan {
    // On another device the memory is that device's.
    let free = policy.device == .cpu ? AvailableMemory.bytes : nil
    let estimate = try MemoryEstimate(configuration, policy, window: window)
    return try MemoryPlan(estimate, policy, limit: maxMemory?.bytes ?? free, batch: batch)
  }

  /// Bytes that this process may take: what is asked for, else what it has and what is free.
  func limit(_ policy: ComputePolicy) -> Int? {
    if let maxMemory { return maxMemory.bytes }
    guard policy.device == .cpu else { return nil }
    return AvailableMemory.bytes.map { $0 + AvailableMemory.own }
  }
}

/// A number of bytes as a user writes it: 6G, 6GB, 1.5g, 900M, 123456.
struct ByteCount: Equatable, ExpressibleByArgument {
  let bytes: Int

  init?(argument: String) {
    let units: [(Character, Double)] = [("K", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12)]
    var text = argument.uppercased()
    if text.hasSuffix("B") { text.removeLast() }
    var factor = 1.0
    if let unit = units.first(where: { text.last == $0.0 }) {
      text.removeLast()
      factor = unit.1
    }
    guard let number = Double(text), number * factor >= 1, number * factor < 1e18 else {
      return nil
    }
    bytes = Int(number * factor)
  }
}

enum AvailableMemory {
  /// What programs can still take without pushing others out, by the system and by the control
  /// group that this process is in; nil where the system does not tell.
  static var bytes: Int? {
    #if os(Linux)
      let values = [system(), group()].compactMap { $0 }
      return values.min()
    #else
      return Int(ProcessInfo.processInfo.physicalMemory) * 3 / 4
    #endif
  }

  /// What this process has already, pages of files aside.
  static var own: Int {
    #if os(Linux)
      value("RssAnon:", in: "/proc/self/status").map { $0 * 1024 } ?? 0
    #else
      0  // it is counted as free
    #endif
  }

  #if os(Linux)
    private static func system() -> Int? {
      value("MemAvailable:", in: "/proc/meminfo").map { $0 * 1024 }
    }

    /// The group's limit less what it uses; pages of files, which give way, do not count.
    private static func group() -> Int? {
      let folder = "/sys/fs/cgroup/"
      func number(_ name: String) -> Int? {
        (try? String(contentsOfFile: folder + name, encoding: .utf8))
          .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
      }
      guard let limit = number("memory.max"), let used = number("memory.current") else {
        return nil
      }
      return max(0, limit - used + (value("file", in: folder + "memory.stat") ?? 0))
    }

    /// The number behind `key` in a file of lines "key number".
    private static func value(_ key: String, in path: String) -> Int? {
      guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
      for line in text.split(separator: "\n") {
        let words = line.split(separator: " ")
        if words.first == Substring(key), words.count > 1 { return Int(words[1]) }
      }
      return nil
    }
  #endif
}
