import ArgumentParser
import Imaging
import Upscaling

/// The settings that a service is asked for, by their names in its API.
struct ClientSettings: ParsableArguments {
  @Option(help: ArgumentHelp("One of the service's models (default: its own).", valueName: "name"))
  var model: String?

  @OptionGroup(title: "Size options") var size: SizeOptions
  @OptionGroup(title: "Restoration options") var restoration: RestorationOptions
  @OptionGroup(title: "Restoration options") var scaleCount: ScaleCountOptions
  @OptionGroup(title: "Restoration options") var text: PromptTextOptions
  @OptionGroup(title: "Output options") var form: FormatOptions
  @OptionGroup(title: "Output options") var quality: QualityOptions

  init() {}

  func validate() throws { try size.checkAlone(beside: restoration) }

  /// The size of the outputs.
  var outputSize: OutputSize { size.size ?? restoration.outputSize }

  /// The fields of a request. The service decides about settings that are not given.
  /// - Parameter output: the file that is wanted, whose name has the format.
  func fields(_ output: String) -> [String: String] {
    func text(_ value: (some CustomStringConvertible)?) -> String? { value?.description }
    let all: [String: String?] = [
      "model": model, "scale": text(restoration.scale), "width": text(size.width),
      "height": text(size.height), "longSide": text(size.longSide),
      "megapixels": text(size.megapixels), "strength": text(restoration.strength),
      "temperature": text(restoration.temperature), "seed": text(restoration.seed),
      "color": restoration.color?.rawValue,
      "format": (form.format ?? ImageFormat(path: output))?.rawValue,
      "quality": text(quality.quality), "metadata": form.metadata?.rawValue,
      "background": text(form.background), "prompt": self.text.prompt,
      "scales": text(scaleCount.scales),
    ]
    return all.compactMapValues(\.self)
  }
}
