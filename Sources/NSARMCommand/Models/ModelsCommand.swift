import ArgumentParser
import Foundation
import NSARM
import Terminal
import Upscaling

/// `nsarm models`
struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models",
    abstract: "List the models that --model can name, and how fast they are here.",
    discussion: """
      Models are found as Models/NAME in the working directory, beside the program and above them. A model's \
      speed is measured with a small picture, and kept for the choice of a default: where no model is named, \
      'upscale' and 'serve' take the best one that restores a megapixel within a minute; 'video' takes the \
      fastest. --model takes the folder of any other model, too; 'nsarm convert' makes one of published \
      weights.
      """)

  @OptionGroup var compute: ComputeOptions
  @OptionGroup var memory: MemoryOptions

  @Flag(help: "Do not measure how fast the models are.")
  var noSpeed = false

  @Flag(help: "Print a JSON object per model.")
  var json = false

  func run() throws {
    let cards = ModelCatalog.models()
    guard !cards.isEmpty else {
      throw ValidationError(
        "there are no models: no folder Models in the working directory, beside the program or above them"
      )
    }
    for (index, card) in cards.enumerated() {
      let seconds = noSpeed ? nil : try speed(card)
      if json {
        try StandardOutput.print(try line(card, seconds))
      } else {
        try StandardOutput.print((index == 0 ? "" : "\n") + text(card, seconds))
      }
    }
  }

  /// Seconds for a megapixel; nil for a model that cannot restore.
  private func speed(_ card: ModelCard) throws -> Double? {
    let display = ProgressDisplay("measuring \(card.folder.name)")
    defer { display.clear() }
    display.update(0)
    do {
      let plan = try compute.loader(memory: memory.limit).plan(card.folder)
      return try RestorationSpeed(plan, measuresAnew: true).seconds
    } catch {
      display.clear()
      note("warning: \(card.folder.name): \(errorText(error))")
      return nil
    }
  }

  private func text(_ card: ModelCard, _ seconds: Double?) -> String {
    var lines = [card.folder.name]
    func add(_ name: String, _ value: String) { lines.append(labelled(name, value)) }
    if let description = card.description { add("for", description) }
    add(
      "enlarges",
      "x\(card.folder.configuration.scale)"
        + (card.folder.hasTwin ? "; dial --strength 0 to 1" : ""))
    if let seconds {
      add("a megapixel here", seconds < 1 ? "less than 1 s" : ProgressLine.duration(seconds))
    }
    add("size", "\(grouped((card.bytes + 999_999) / 1_000_000)) MB")
    if let licence = card.licence { add("licence", licence) }
    add("folder", card.folder.path)
    return lines.joined(separator: "\n")
  }

  private struct Line: Encodable {
    let name, path: String
    let description, licence: String?
    let scale, bytes: Int
    let hasDial: Bool
    let secondsPerMegapixel: Double?
  }

  private func line(_ card: ModelCard, _ seconds: Double?) throws -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let line = Line(
      name: card.folder.name, path: card.folder.path, description: card.description,
      licence: card.licence,
      scale: card.folder.configuration.scale, bytes: card.bytes, hasDial: card.folder.hasTwin,
      secondsPerMegapixel: seconds)
    return String(decoding: try encoder.encode(line), as: UTF8.self)
  }
}
