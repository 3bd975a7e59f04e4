import Files
import Terminal
import TestSupport
import Testing

@Suite(.ownThreads) struct ProgressTests {
  /// A start that takes ten times as long as the tenth of the work after it.
  @Test func theStartDoesNotCount() {
    var time = RemainingTime()
    let start = ContinuousClock.now
    #expect(time.update(0, at: start) == nil)
    #expect(time.update(0, at: start + .seconds(100)) == nil, "still starting")
    #expect(time.update(0.01, at: start + .seconds(101)) == nil, "too little to tell")
    let left = time.update(0.1, at: start + .seconds(110))
    #expect(abs(left! - 90) < 1e-9)
    #expect(abs(time.update(0.5, at: start + .seconds(150))! - 50) < 1e-9)
    #expect(time.update(1, at: start + .seconds(200)) == 0)
  }

  @Test func nothingIsToldBeforeASecondHasPassed() {
    var time = RemainingTime()
    let start = ContinuousClock.now
    #expect(time.update(0.2, at: start) == nil)
    #expect(time.update(0.5, at: start + .milliseconds(10)) == nil)
  }

  @Test(arguments: [
    (0.4, "0 s"), (59.4, "59 s"), (192.3, "3 min 12 s"), (7322, "2 h 2 min"), (.infinity, "?"),
  ])
  func durations(_ seconds: Double, _ text: String) {
    #expect(ProgressLine.duration(seconds) == text)
  }

  @Test(arguments: [
    ("[==  ] 50 % photo.png, 9 s left", 31, "[==  ] 50 % photo.png, 9 s left"),
    ("[==  ] 50 % photo.png, 9 s left", 20, "[==  ] 50 % p…s left"),
    ("abc", 2, "a…"), ("abc", 1, "…"), ("abc", 0, ""), ("abc", -3, ""),
    ("日本語の写真", 12, "日本語の写真"), ("日本語の写真", 11, "日本語…写真"), ("日本語の写真", 4, "日…"),
    ("e\u{301}e\u{301}e\u{301}", 3, "e\u{301}e\u{301}e\u{301}"), ("a👍🏽b👍🏽c", 5, "a👍🏽…c"),
  ])
  func whatFitsIntoATerminal(_ text: String, _ columns: Int, _ expected: String) {
    #expect(TerminalText.shortened(text, columns: columns) == expected)
  }

  /// On a terminal of 30 columns, of which the last stays free.
  @Test(.enabled(if: Command.hasScript, "script (util-linux) is not installed"))
  func theLineFitsIntoTheTerminal() throws {
    let folder = try ScratchFolder()
    let name = String(repeating: "n", count: 60) + ".png"
    try scene(1600, 1200).write(to: folder(name))
    let shell = "stty cols 30; $NSARM upscale \(name) --threads 1 -o out.png"
    let result = try Command.shell("script -qec '\(shell)' /dev/null", in: folder.path)
    let lines = result.output.split(whereSeparator: \.isNewline)
      .map { $0.replacing("\u{1B}[K", with: "") }.filter { $0.hasPrefix("[") }
    #expect(result.status == 0 && !lines.isEmpty, "\(result.output)")
    #expect(lines.allSatisfy { $0.count == 29 && $0.contains("…") }, "\(lines)")
  }

  @Test func bars() {
    #expect(ProgressLine.bar(0.5, width: 4) == "[==  ]")
    #expect(ProgressLine.bar(7, width: 2) == "[==]")
    #expect(ProgressLine.bar(-.infinity, width: 2) == "[  ]")
  }
}
