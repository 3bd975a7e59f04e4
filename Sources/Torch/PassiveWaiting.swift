import Foundation

extension TorchRuntime {
  /// Replaces the process by itself with OMP_WAIT_POLICY=passive where the user has not set it; to be called
  /// first of all. OpenMP's workers spin while they wait unless told otherwise, which costs most of the speed
  /// where cores are shared, and OpenMP reads the setting when its library is loaded, before any code of
  /// ours runs. Returns where that is not needed or possible.
  public static func relaunchWithPassiveWaiting() {
    #if os(Linux)
      guard getenv("OMP_WAIT_POLICY") == nil else { return }
      setenv("OMP_WAIT_POLICY", "passive", 1)
      var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
      execv("/proc/self/exe", &arguments)
      arguments.forEach { free($0) }
    #endif
  }
}
