import Foundation

/// An option of `nsarm upscale` that does not go with the model or the files, in one line.
struct UpscaleOptionError: Error, LocalizedError, CustomStringConvertible {
  let description: String
  var errorDescription: String? { description }

  init(_ description: String) { self.description = description }
}
