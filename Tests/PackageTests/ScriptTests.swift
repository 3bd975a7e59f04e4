import Foundation
import TestSupport
import Testing

/// The guarantees of the scripts around the tests.
@Suite struct ScriptTests {
  private let folder = try! ScratchFolder()

  private struct Result {
    let status: Int32
    let output: String
  }

  /// Runs a script of bash in which `$S` is the folder of scripts; its temporary files go into the
  /// folder.
  private func process(_ script: String, path: String? = nil) -> (Process, Pipe) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", script]
    process.environment = ProcessInfo.processInfo.environment.merging([
      "S": Fixture.packageRoot.appendingPathComponent("scripts").path, "TMPDIR": folder("tmp"),
    ]) { $1 }
    if let path { process.environment!["PATH"] = path }
    process.standardInput = FileHandle.nullDevice
    let output = Pipe()
    (process.standardOutput, process.standardError) = (output, output)
    return (process, output)
  }

  private func run(_ script: String, path: String? = nil) throws -> Result {
    let (process, output) = process(script, path: path)
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus, output: String(decoding: data, as: UTF8.self))
  }

  init() throws {
    mkdir(folder("tmp"), 0o711)
  }

  @Test func whatWasSkippedIsCounted() throws {
    let output = try folder.write(
      "output",
      """
      ◇ Test wide() started.
      ➜ Test wide() skipped: "a minute; set NSARM_SLOW_TESTS"
      ➜ Test tiles(_:) skipped: "other hardware: no AMX"
      ➜ Suite VideoTests skipped: "ffmpeg is not installed"
      ➜ Test "a clip" skipped: "ffmpeg is not installed"
      ➜ Test film() skipped: "ffmpeg is not installed"
      ➜ Test silent() skipped.
      ✔ Test "skipped: no" passed after 0.001 seconds.
      ✔ Test run with 7 tests in 3 suites passed after 1.000 seconds.

      """.utf8)
    let all = try run("$S/skipped-tests --strict < \(output)")
    #expect(
      all.output == "skipped: 1 slow (NSARM_SLOW_TESTS=1 runs them), 1 for other hardware, "
        + "2 (ffmpeg is not installed), 1 (no reason given)\n")
    #expect(all.status == 1)
    #expect(try run("$S/skipped-tests < \(output)").status == 0)
    let allowed = try run("head -n 3 \(output) | $S/skipped-tests --strict")
    #expect(
      allowed.output
        == "skipped: 1 slow (NSARM_SLOW_TESTS=1 runs them), 1 for other hardware\n")
    #expect(allowed.status == 0)
    #expect(try run("$S/skipped-tests --strict < /dev/null").output == "skipped: nothing\n")
    #expect(try run("$S/skipped-tests --all < /dev/null").status == 2)
  }

  @Test func temporaryFilesGo() throws {
    let kept = try run("$S/in-temporary-folder sh -c 'touch $TMPDIR/x; ls -d $TMPDIR; exit 7'")
    #expect(kept.status == 7 && kept.output.hasPrefix(folder("tmp") + "/"))
    let left = try run("$S/in-temporary-folder --empty sh -c 'touch $TMPDIR/x $TMPDIR/a.lock'")
    #expect(left.status == 1 && left.output.hasSuffix("temporary files: x\n"), "\(left.output)")
    let clean = try run(
      "$S/in-temporary-folder --empty sh -c 'mkdir $TMPDIR/TemporaryDirectory.aB3 && echo done'")
    #expect(clean.status == 0 && clean.output == "done\n")
    // Independently of what ends it.
    for signal in [SIGTERM, SIGKILL] {
      let (process, _) = process("exec $S/in-temporary-folder sleep 600")
      try start(process)
      try end(process, signal)
      try expectGone(signal)
    }
  }

  @Test(.enabled(if: ScriptTests.hasPostgres, "PostgreSQL is not installed"))
  func serversEndWithWhatTheyWereStartedFor() throws {
    let ended = try run("$S/with-postgres sh -c 'echo $NSARM_TEST_POSTGRES; exit 3'")
    #expect(ended.status == 3 && ended.output.hasPrefix("postgres://"), "\(ended.output)")
    #expect(folder.contents == [])
    for signal in [SIGTERM, SIGKILL] {
      let (process, output) = process(
        "exec $S/with-postgres sh -c 'head -n 1 ${NSARM_TEST_POSTGRES#*=}/data/postmaster.pid; "
          + "exec sleep 600'")
      try start(process)
      var line = ""
      while !line.hasSuffix("\n"),
        let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty
      {
        line += String(decoding: byte, as: UTF8.self)
      }
      let server = try #require(pid_t(line.dropLast()))
      #expect(isRunning(server))
      try end(process, signal)
      try expectGone(signal)
      #expect(!isRunning(server))
    }
  }

  private static let hasPostgres = FileManager.default.fileExists(atPath: "/usr/lib/postgresql")

  /// Starts a process that receives signals: a thread pool blocks them, and a process would inherit
  /// that.
  private func start(_ process: Process) throws {
    var (none, before) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try process.run()
  }

  /// Ends a script and the `sleep` that it runs.
  private func end(_ process: Process, _ signal: Int32) throws {
    let (script, start) = (process.processIdentifier, ContinuousClock.now)
    var sleeper: pid_t?
    while sleeper == nil, ContinuousClock.now - start < .seconds(60) {
      let list = try String(
        contentsOfFile: "/proc/\(script)/task/\(script)/children", encoding: .utf8)
      sleeper = list.split(separator: " ").compactMap { pid_t($0) }.first {
        (try? String(contentsOfFile: "/proc/\($0)/comm", encoding: .utf8)) == "sleep\n"
      }
    }
    kill(script, signal)
    kill(try #require(sleeper), signal)
    process.waitUntilExit()
  }

  /// A zombie process has no command line.
  private func isRunning(_ process: pid_t) -> Bool {
    (try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8))?.isEmpty == false
  }

  private func expectGone(_ signal: Int32) throws {
    for _ in 0..<600 where !(try entries().isEmpty) { Thread.sleep(forTimeInterval: 0.1) }
    #expect(try entries() == [], "signal \(signal)")
  }

  private func entries() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder("tmp"))
  }

  /// Packages that cannot be installed are reported, and the tests run without them.
  @Test func setupGoesOnWithoutWhatTestsUse() throws {
    mkdir(folder("bin"), 0o700)
    let missing = ["ffmpeg", "apt-get", "tesseract"]
    let path = ProcessInfo.processInfo.environment["PATH"]!
    for place in path.split(separator: ":").reversed() {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(place)")) ?? []
      for name in names where !missing.contains(name) {
        unlink(folder("bin/\(name)"))
        symlink("\(place)/\(name)", folder("bin/\(name)"))
      }
    }
    for name in ["alexnet", "vgg16", "dists", "niqe", "brisque"] {
      _ = try folder.write("tmp/\(name).safetensors", [])
    }
    let result = try run(
      "NSARM_METRIC_WEIGHTS=$TMPDIR $S/setup --tests", path: folder("bin"))
    #expect(result.status == 0, "\(result.output)")
    #expect(result.output.contains("missing: ffmpeg tesseract-ocr"), "\(result.output)")
    #expect(result.output.contains("tests that need them will be skipped"))
  }
}
