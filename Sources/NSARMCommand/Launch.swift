import Torch

/// Where the process starts.
@main
enum Launch {
  static func main() async {
    TorchRuntime.keepFreedMemory()
    await NSARMCommand.main()
  }
}
