import ArgumentParser
import Foundation
import Imaging
import Terminal
import Torch

/// The entry of the process, which reports every command's errors.
@main
enum Launch {
  static func main() {
    openMissingStreams()
    // A reader that has gone is an error of the write, so that temporary files are removed. A
    // handler rather than SIG_IGN, which programs that this one starts would inherit.
    signal(SIGPIPE) { _ in }
    AddressSpace.explainEnd()
    prepareLibraries()
    let status = run(Array(CommandLine.arguments.dropFirst()))
    // Without the libraries' own end: libtorch forgets its operators one by one, for a tenth of a
    // second. Nothing of ours waits for it.
    fflush(nil)
    _exit(status)
  }

  /// Sets up the process for libraries, which are loaded only when they are needed.
  private static func prepareLibraries() {
    TorchRuntime.keepFreedMemory()
    // OpenMP's threads spin while they wait unless told otherwise, which costs most of the speed
    // where cores are shared.
    setenv("OMP_WAIT_POLICY", "passive", 0)
    // libvips finds none of its modules there, of which it would load all, readers of documents
    // among them; those of HEIF, AVIF and JPEG XL are loaded where they are wanted. A value that is
    // there comes from libvips in the process that has started this one.
    setenv("VIPSHOME", "/nonexistent", 1)
  }

  /// - Returns: the exit status.
  private static func run(_ arguments: [String]) -> Int32 {
    do {
      do {
        var command = try NSARMCommand.parsed(dashedFilesNamed(arguments))
        if let command = command as? any TensorCommand {
          try TorchRuntime.load()
          try command.threadOptions?.apply()
        }
        // What a command does not attend to itself, picture by picture, ends in a line, too.
        try throwingResourceErrors { try command.run() }
      } catch  where NSARMCommand.exitCode(for: error).isSuccess {
        try StandardOutput.print(NSARMCommand.fullMessage(for: error))
      }
      try StandardOutput.flush()
      return 0
    } catch {
      let code = NSARMCommand.exitCode(for: error)
      if error is ExitCode { return code.rawValue }
      if code == .failure {
        note("error: " + errorText(error))
      } else {
        note(NSARMCommand.fullMessage(for: error))
      }
      return code.rawValue
    }
  }

  /// Without them the next file that is opened would be taken for one of them. Standard output
  /// cannot be written then either, which is noticed where results are printed.
  private static func openMissingStreams() {
    for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", descriptor == 2 ? O_WRONLY : O_RDONLY)
    }
  }

  /// Gives files whose names begin with a dash, as `*.png` may yield them, with their folder. No
  /// option has a dot or more than one letter after a single dash.
  /// - Throws: `ValidationError` where there is no picture of such a name, which would be taken for
  ///   a list of options.
  private static func dashedFilesNamed(_ arguments: [String]) throws -> [String] {
    let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
    return try arguments[..<end].map { argument in
      guard argument.hasPrefix("-"), argument.utf8.count > 2,
        !argument.hasPrefix("--") || argument.contains(".")
      else { return argument }
      if access(argument, F_OK) == 0 { return "./\(argument)" }
      guard PictureFiles.isPicture(argument), !argument.contains("=") else { return argument }
      throw ValidationError(
        "\(argument): no such option; a file of this name is given as ./\(argument)")
    } + arguments[end...]
  }
}
