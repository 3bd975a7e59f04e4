import Foundation
import TestSupport
import Testing

@testable import NSARM
@testable import SuperResolution

#if os(Linux)
  /// The memory that may be used, by a folder that stands for the system's files.
  @Suite struct AvailableMemoryTests {
    private let root = try! ScratchFolder()

    /// - Parameter group: lines of `/proc/self/cgroup`.
    private func memory(_ group: String, _ files: [String: String], addressSpace: Int? = nil) throws
      -> AvailableMemory
    {
      let system = [
        "proc/meminfo": "MemTotal:  9000 kB\nMemAvailable:    8000 kB\n",
        "proc/self/status":
          "VmSize:\t  3000 kB\nVmLib:\t 300 kB\nVmRSS:\t 200 kB\nRssAnon:\t 70 kB\n",
        "proc/self/cgroup": group,
      ]
      for (path, text) in system.merging(files, uniquingKeysWith: { $1 }) {
        try FileManager.default.createDirectory(
          atPath: (root(path) as NSString).deletingLastPathComponent,
          withIntermediateDirectories: true)
        _ = try root.write(path, text.utf8)
      }
      return AvailableMemory(root: root.path, addressSpace: addressSpace)
    }

    @Test func theSystem() throws {
      let memory = try memory("", [:])
      #expect(memory.bytes == 8_192_000 && memory.tightest?.limit == .system)
      #expect(memory.own == 71_680)
      #expect(AvailableMemory(root: root("nowhere"), addressSpace: nil).bytes == nil)
    }

    @Test func theLimitOfVersion2() throws {
      let own = "sys/fs/cgroup/user.slice/job"
      let memory = try memory(
        "0::/user.slice/job\n",
        [
          "\(own)/memory.max": "5000000\n", "\(own)/memory.current": "2000000\n",
          "\(own)/memory.stat": "anon 1\nfile 700000\nshmem 200000\n",
          "sys/fs/cgroup/user.slice/memory.max": "max\n",
          "sys/fs/cgroup/user.slice/memory.current": "2000000\n",
        ])
      #expect(memory.bytes == 3_500_000 && memory.tightest?.limit == .group)
    }

    /// In a container the files of its group lie at the top, whatever the group is called outside.
    @Test(arguments: ["0::/\n", "0::/../../elsewhere\n", "0::/docker/1f\n", ""])
    func aContainer(_ group: String) throws {
      let memory = try memory(
        group,
        ["sys/fs/cgroup/memory.max": "4000000\n", "sys/fs/cgroup/memory.current": "1000000\n"])
      #expect(memory.bytes == 3_000_000)
    }

    @Test func theLimitOfVersion1() throws {
      let (folder, own) = ("sys/fs/cgroup/memory", "sys/fs/cgroup/memory/jobs/7")
      let files = [
        "\(own)/memory.limit_in_bytes": "6000000\n", "\(own)/memory.usage_in_bytes": "4000000\n",
        "\(own)/memory.stat": "cache 5\ntotal_cache 500000\ntotal_shmem 100000\n",
        "\(folder)/jobs/memory.limit_in_bytes": "9223372036854771712\n",
        "\(folder)/jobs/memory.usage_in_bytes": "4000000\n",
        "\(folder)/memory.limit_in_bytes": "9223372036854771712\n",
        "\(folder)/memory.usage_in_bytes": "7000000\n",
      ]
      let groups = "5:cpu,cpuacct:/jobs\n4:memory:/jobs/7\n0::/\n"
      #expect(try memory(groups, files).bytes == 2_400_000)
      // A group around it leaves less; its pages of files are not known.
      let tight = ["\(folder)/jobs/memory.limit_in_bytes": "5000000\n"]
      #expect(try memory(groups, files.merging(tight) { $1 }).bytes == 1_000_000)
      #expect(
        try memory("4:hugetlb,memory:/jobs/7\n", files.merging(tight) { $1 }).bytes == 1_000_000)
    }

    @Test func theAddressSpace() throws {
      let memory = try memory("", [:], addressSpace: 4 << 20)
      #expect(memory.bytes == (4 << 20) - 3_072_000 + 512_000)
      #expect(memory.tightest?.limit == .addressSpace)
      #expect(AvailableMemory(root: root.path, addressSpace: .max).tightest?.limit == .system)
      #expect(AvailableMemory(root: root.path, addressSpace: 100).bytes == 0)
    }

    @Test func damage() throws {
      let memory = try memory(
        "nonsense\n4:memory\n\u{0}\n",
        ["sys/fs/cgroup/memory.max": "-\n", "proc/meminfo": "MemAvailable:\n"])
      #expect(memory.bytes == nil)
    }
  }
#endif
