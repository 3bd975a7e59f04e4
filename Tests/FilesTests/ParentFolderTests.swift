import Files
import Testing

@Suite struct ParentFolderTests {
  @Test(arguments: [
    ("runs/a/model", "runs/a"), ("runs/a", "runs"), ("runs", "."), ("runs/", "."),
    ("runs//a//", "runs"),
    ("/runs/a", "/runs"), ("/a", "/"), ("//a", "/"), ("/", "/"), ("///", "/"), ("", "."),
    (".", "."),
    ("..", "."), ("../a", ".."), ("./a", "."),
    // Names of one character, on which Foundation crashes.
    ("a", "."), ("é", "."), ("日", "."), ("a/", "."), ("./", "."), ("a/b", "a"),
    // A slash with an accent is one character, and still a slash.
    ("a/\u{301}b", "a"), ("/\u{301}", "/"),
  ])
  func isWhatHoldsThePath(_ path: String, _ folder: String) {
    #expect(parentFolder(of: path) == folder)
  }
}
