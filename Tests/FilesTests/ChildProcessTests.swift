import Files
import Foundation
import TestSupport
import Testing

@Suite(.ownThreads) struct ChildProcessTests {
  private func shell(_ script: String, environment: [String: String] = [:]) throws
    -> ChildProcess.Result
  {
    try ChildProcess.run("/bin/sh", ["-c", script], environment: environment)
  }

  @Test func outputErrorsAndStatusAreCollected() throws {
    let result = try shell(
      "printf $NAME; echo ' first ' >&2; echo >/dev/stderr; exit 3", environment: ["NAME": "value"])
    #expect(result.status == 3 && String(decoding: result.output, as: UTF8.self) == "value")
    #expect(result.errors == ["first", ""] && result.lastError == "first")
    #expect(try shell("exit 0").lastError == "no message")
    #expect(try shell("kill -9 $$").status == 128 + 9)
  }

  /// Either stream alone would fill its pipe.
  @Test func largeStreamsDoNotBlockEachOther() throws {
    let result = try shell(
      "for i in 1 2; do head -c 300000 /dev/zero; head -c 150000 /dev/zero | tr '\\0' '\\n' >&2; done"
    )
    #expect(result.output.count == 600_000 && result.errors.count == 300_000)
  }

  @Test func inputIsWrittenUntilTheProgramEnds() throws {
    let copy = try ChildProcess("/bin/cat", [], writes: true, reads: true)
    try Data("text".utf8).withUnsafeBytes { try copy.write($0) }
    var bytes = [UInt8](repeating: 0, count: 4)
    #expect(bytes.withUnsafeMutableBytes { copy.read($0) } == 4 && bytes == Array("text".utf8))
    #expect(copy.finish() == 0)
    let deaf = try ChildProcess("/bin/sh", ["-c", "exit 0"], writes: true)
    let block = Data(count: 1 << 20)
    #expect(throws: ChildProcess.InputClosed.self) {
      while true { try block.withUnsafeBytes { try deaf.write($0) } }
    }
  }

  @Test func stoppedProgramsEnd() throws {
    let sleeping = try ChildProcess("/bin/sleep", ["1000"], reads: true)
    sleeping.stop()
    #expect(sleeping.readToEnd().isEmpty)
  }

  @Test func programsAreFound() throws {
    #expect(ChildProcess.find("sh", path: "/nowhere:/bin") == "/bin/sh")
    #expect(ChildProcess.find("/bin/sh") == "/bin/sh" && ChildProcess.find("/bin") == nil)
    #expect(ChildProcess.find("no-such-program") == nil)
    #expect(throws: ChildProcess.StartFailure.self) { try ChildProcess.run("/nowhere/program", []) }
  }
}
