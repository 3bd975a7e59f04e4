import CCommit

/// Which version of the program this is.
enum Version {
  /// The release, or with "-dev" the one that the sources lead to.
  static let release = "0.4.0-dev"

  /// "0.4.0" when built from the commit that is tagged so, or without git; else with the commit:
  /// "0.4.0-dev+abc1234".
  static let text = text(
    release, commit: String(cString: ccommit_commit()), tag: String(cString: ccommit_tag()))

  static func text(_ release: String, commit: String, tag: String) -> String {
    let isRelease = tag == "v\(release)" && !commit.hasSuffix(".dirty")
    return commit.isEmpty || isRelease ? release : "\(release)+\(commit)"
  }
}
