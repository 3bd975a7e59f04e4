// Restores a photo and says how far it is: restore-photo PHOTO OUTPUT
import Foundation
import Upscaling

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count == 2, let photo = arguments.first, let output = arguments.last else {
  print("usage: restore-photo PHOTO OUTPUT")
  exit(64)
}

let upscaler = try await PhotoUpscaler(model: .nano)
do {
  for try await event in upscaler.restore(photo, to: output) {
    switch event {
    case .progress(let share):
      print("\(Int(share * 100)) %")
    case .finished(let report):
      print("\(output): \(report.outputSize.width) x \(report.outputSize.height)")
      for warning in report.warnings { print("note: \(warning)") }
    }
  }
} catch {
  print("error: \(error)")  // one line: the file, what is wrong with it, and the remedy
  exit(1)
}
