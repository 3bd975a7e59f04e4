import CCommit

/// The version of the program.
enum Version {
  /// The release, or with "-dev" the release to come.
  static let release = "0.1.0-dev"

  /// "0.1.0" when built from the commit that is tagged so, or without git; else with the commit:
  /// "0.1.0-dev+abc1234".
  static let text = text(
    release, commit: String(cString: ccommit_commit()), tag: String(cString: ccommit_tag()))

  static func text(_ release: String, commit: String, tag: String) -> String {
    let isRelease = tag == "v\(release)" && !commit.hasSuffix(".dirty")
    return commit.isEmpty || isRelease ? release : "\(release)+\(commit)"
  }
}
