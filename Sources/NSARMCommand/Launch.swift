import Foundation

/// Where the process starts.
@main
enum Launch {
  static func main() async {
    relaunchWithPassiveWaiting()
    await NSARMCommand.main()
  }

  /// Replaces the process by itself with OMP_WAIT_POLICY=passive where the user has not set it. OpenMP's
  /// workers spin while they wait unless told otherwise, which costs most of the speed where cores are
  /// shared, and OpenMP reads the setting when its library is loaded, before any code of ours runs. Returns
  /// where that is not needed or possible.
  private static func relaunchWithPassiveWaiting() {
    #if os(Linux)
      guard getenv("OMP_WAIT_POLICY") == nil else { return }
      setenv("OMP_WAIT_POLICY", "passive", 1)
      var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
      execv("/proc/self/exe", &arguments)
      arguments.forEach { free($0) }
    #endif
  }
}
