import Foundation
import TestSupport
import Testing

@testable import NSARMCommand

@Suite(.ownThreads) struct VersionTests {
  @Test func theCommitIsToldBetweenReleases() {
    func text(_ release: String, _ commit: String, _ tag: String = "") -> String {
      Version.text(release, commit: commit, tag: tag)
    }
    #expect(text("0.4.0", "") == "0.4.0")
    #expect(text("0.4.0", "abc1234", "v0.4.0") == "0.4.0")
    #expect(text("0.4.0", "abc1234.dirty", "v0.4.0") == "0.4.0+abc1234.dirty")
    #expect(text("0.4.0", "abc1234", "v0.3.0") == "0.4.0+abc1234")
    #expect(text("0.5.0-dev", "abc1234") == "0.5.0-dev+abc1234")
  }

  @Test func theProgramTellsItsVersion() throws {
    let result = try Command.run(["--version"])
    #expect(result.status == 0 && result.output.hasPrefix("nsarm \(Version.release)"))
    #expect(result.output.contains(#/^nsarm \d+\.\d+\.\d+(-dev)?(\+[0-9a-f]{7,}(\.dirty)?)?\n$/#))
  }

  /// The stamp of a clone, of a folder in one, and of sources without git.
  @Test func stampsFollowGit() throws {
    let folder = try ScratchFolder()
    let script = Fixture.packageRoot.appendingPathComponent("scripts/stamp-commit").path
    let result = try Command.shell(
      """
      set -e
      export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
      export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a
      mkdir -p clone/scripts clone/Sources/CStamp
      cp '\(script)' clone/scripts/
      stamp() { "$1/scripts/stamp-commit"; cat "$1/Sources/CStamp/stamp.c" 2>/dev/null || echo none; }
      echo 'stamp.c' >clone/.gitignore
      echo "bare: $(stamp clone)"
      git -C clone init -q
      git -C clone add .
      git -C clone commit -q -m one
      stamp clone >first
      grep -q "\\"$(git -C clone rev-parse --short=7 HEAD)\\"" first && grep -q '""' first
      touch -d 2001-01-01 clone/Sources/CStamp/stamp.c
      stamp clone >/dev/null
      find clone/Sources/CStamp/stamp.c ! -newermt 2002-01-01 | grep -q . && echo untouched
      git -C clone tag v9.9.9
      stamp clone | grep -o '"v9.9.9"'
      echo "# changed" >>clone/scripts/stamp-commit
      stamp clone | grep -o '.dirty"'
      mkdir clone/inner
      cp -R clone/scripts clone/Sources clone/inner/
      echo "inner: $(stamp clone/inner)"
      """, in: folder.path)
    #expect(result.status == 0, "\(result)")
    #expect(
      result.outputLines == [
        "bare: none", "untouched", "\"v9.9.9\"", ".dirty\"", "inner: none",
      ], "\(result)")
  }
}
