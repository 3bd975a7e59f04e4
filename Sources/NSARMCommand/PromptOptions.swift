import ArgumentParser
import NSARM
import Prompts

/// What pictures show, for models conditioned on text.
struct PromptOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "What the pictures show, for models conditioned on text (default: their own prompt, else the "
        + "null text).",
      valueName: "text"))
  var prompt: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "What guidance leads away from, in place of the null text.", valueName: "text"))
  var negativePrompt: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How much more the prompt counts than the null text: 1 is off. One number, or one for each "
        + "scale with commas between (default: the model's).", valueName: "numbers"))
  var guidance: Guidance?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Where guidance acts: 0 on the logits, -N on the output of the N-th block from the end "
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
    if prompt != nil, captionEndpoint != nil {
      throw ValidationError("--prompt and --caption-endpoint exclude each other")
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
      || [prompt, negativePrompt, prompts, captionEndpoint].contains { $0 != nil }
  }
}

extension Guidance: ExpressibleByArgument {
  /// One number from 0 to 100, or several with commas between.
  public init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let values = parts.compactMap { Double($0) }.filter { (0...100).contains($0) }
    guard values.count == parts.count else { return nil }
    self.init(values)
  }
}
