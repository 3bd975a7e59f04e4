// Restores a photo unless that takes too long: restore-cancelled PHOTO OUTPUT SECONDS
import Foundation
import Upscaling

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count == 3, let seconds = Double(arguments[2]), seconds >= 0 else {
  print("usage: restore-cancelled PHOTO OUTPUT SECONDS")
  exit(64)
}

let upscaler = try await PhotoUpscaler(model: .nano)
let restoration = Task {
  for try await event in upscaler.restore(arguments[0], to: arguments[1]) {
    if case .finished = event { return true }
  }
  return false  // the task was cancelled: its loop has ended early, and no output is left
}
let clock = Task {
  try await Task.sleep(for: .seconds(seconds))
  restoration.cancel()
}
let isDone = try await restoration.value
clock.cancel()
print(isDone ? "\(arguments[1]) is ready" : "stopped after \(arguments[2]) s")
