import Client
import Evaluation
import Files
import Imaging
import NSARM
import Prompts
import Serving
import SuperResolution
import Training
import Video

/// The remedies for errors of the libraries, in options of this command: the libraries state the
/// facts and know no options.
enum Remedies {
  /// - Parameter ofUpscale: whether the error ends a picture of `nsarm upscale`.
  /// - Returns: nil where the error's own text says all.
  static func remedy(for error: any Error, ofUpscale: Bool) -> String? {
    switch error {
    case FileError.exists:
      return "--overwrite replaces it, "
        + (ofUpscale ? "--skip-existing leaves it as it is" : "or choose another name")
    case let error as ImagingError: return remedy(for: error, ofUpscale: ofUpscale)
    case let error as SuperResolutionError: return remedy(for: error)
    case is UnknownModel:
      return "name one that 'nsarm models' lists, or a model folder, with --model or NSARM_MODEL"
    case CaptionError.refused(_, status: 401, _), CaptionError.refused(_, status: 403, _):
      return "set NSARM_CAPTION_KEY to the server's key"
    case ServiceClientError.refused(401, _):
      return "give the token with --token-file or NSARM_TOKEN"
    case let error as ListeningError: return remedy(for: error.reason)
    case let error as EvaluationError: return remedy(for: error.kind)
    case let error as TrainingError: return remedy(for: error)
    case let error as VideoError:
      return error.isPicture ? "'nsarm upscale' restores pictures" : nil
    default: return nil
    }
  }

  /// A warning of the libraries, with its remedy.
  /// - Parameter text: the warning on a picture of `nsarm upscale`.
  static func warning(_ text: String) -> String {
    text.hasSuffix("pages is read") ? "\(text); --pages reads the others" : text
  }

  private static func remedy(for error: ImagingError, ofUpscale: Bool) -> String? {
    switch error {
    case .tooLarge(_, let width, let height, _):
      ofUpscale ? "--max-pixels \(width * height) allows it" : nil
    case .missing(let path) where path.contains("\u{FFFD}"):
      // Arguments whose bytes are no UTF-8 become this.
      "names that are not UTF-8 cannot be given, rename the file"
    case .noTransparency: ofUpscale ? "--background names the colour" : nil
    default: nil
    }
  }

  private static func remedy(for error: SuperResolutionError) -> String? {
    switch error {
    case .modelTooLarge(_, _, _, setBy: .addressSpace) where AddressSpace.limit != nil:
      AddressSpace.remedy
    case .modelTooLarge(_, _, .int8, _): "raise --max-memory or use a smaller model"
    case .modelTooLarge:
      "use --precision int8, which takes a fraction of it, or raise --max-memory"
    case .outOfMemory: "a smaller --tile or a lower --max-memory takes less"
    case .noTransformer, .indivisibleCells: nil
    }
  }

  private static func remedy(for reason: ListeningError.Reason) -> String? {
    switch reason {
    case .inUse, .notPermitted: "choose another port with --port"
    case .noSuchAddress: "--host 0.0.0.0 stands for all that it has"
    case .other: nil
    }
  }

  private static func remedy(for kind: EvaluationError.Kind) -> String? {
    switch kind {
    case .otherReport: "--overwrite replaces it, or choose another -o"
    case .reportInUse: "wait for it or choose another -o"
    case .noReferences: "give --reference, or install the weights"
    case .variant(nil): "--variants true-code,no-code measures its tokenizer"
    case .variant(let variant?): "leave out --variants \(variant.rawValue)"
    case .other: nil
    }
  }

  private static func remedy(for error: TrainingError) -> String? {
    switch error {
    case .otherRun:
      "choose another --output, or go on with the changes by --continue-with-changes"
    case .foreign: "choose another --output or move it away"
    case .noInitialModel: "give the model with --init FOLDER"
    case .noTextEncoder: "give a model folder with --init"
    default: nil
    }
  }
}
