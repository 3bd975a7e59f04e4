import NSARM
import Torch

extension SuperResolver {
  /// Runs the work on a picture; what is lacking for it ends the picture, not the program.
  /// - Throws: `SuperResolutionError` where memory runs out, other errors of resources as they are,
  ///   what `body` throws.
  func withResources<Result>(
    for picture: LowQualityPicture, _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try throwingResourceErrors(reading: model.store.source.map { [$0] } ?? [], body)
    } catch let error as TorchError where error.kind == .outOfMemory {
      throw SuperResolutionError.outOfMemory(error, width: picture.width, height: picture.height)
    }
  }
}
