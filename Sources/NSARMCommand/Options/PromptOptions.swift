import ArgumentParser
import NSARM
import Prompts

/// The prompt of all pictures.
struct PromptTextOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Description of the pictures, for models conditioned on text (default: the model's own prompt, "
        + "else the null text).",
      valueName: "text"))
  var prompt: String?

  init() {}
}

/// Prompts of pictures and guidance by them, for models conditioned on text.
struct PromptOptions: ParsableArguments {
  @OptionGroup var text: PromptTextOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Text that guidance leads away from, in place of the null text.", valueName: "text"))
  var negativePrompt: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Weight of the prompt against the null text: 1 is off. One number, or one for each "
        + "scale with commas between (default: the model's).", valueName: "numbers"))
  var guidance: Guidance?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Place where guidance acts: 0 on the logits, -N on the output of the N-th block from the end "
        + "(default: the model's).", valueName: "layer"))
  var guidanceLayer: Int?

  @Option(
    help: ArgumentHelp(
      "Captions of the pictures, JSON lines with image_path and long_caption.", valueName: "file"))
  var prompts: String?

  @Option(
    help: ArgumentHelp(
      "A server that captions the pictures that have no caption in --prompts (OpenAI's protocol).",
      valueName: "url"))
  var captionEndpoint: String?

  @Option(help: ArgumentHelp("The server's vision model.", valueName: "name"))
  var captionModel: String?

  init() {}

  func validate() throws {
    if let guidanceLayer, guidanceLayer > 0 {
      throw ValidationError("--guidance-layer has to be 0 or less")
    }
    if text.prompt != nil, captionEndpoint != nil {
      throw ValidationError("--prompt and --caption-endpoint cannot be combined")
    }
    if captionModel != nil, captionEndpoint == nil {
      throw ValidationError("--caption-model needs --caption-endpoint")
    }
    if prompts == "" { throw ValidationError("--prompts is empty; name a file of captions") }
    do {
      _ = try captionEndpoint.map { try CaptionEndpoint($0) }
    } catch {
      throw ValidationError("--caption-endpoint: \(error)")
    }
  }

  /// Whether the model has to be conditioned on text.
  var isGiven: Bool {
    guidance != nil || guidanceLayer != nil
      || [text.prompt, negativePrompt, prompts, captionEndpoint].contains { $0 != nil }
  }
}
