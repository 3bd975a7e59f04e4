import ArgumentParser
import CommandOptions
import Foundation
import Imaging
import NSARM
import Torch

/// `nsarm-benchmark sheets --data FOLDER -o FOLDER`
struct Sheets: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Side-by-side sheets of restored photos, for looking.",
    discussion: """
      One sheet per photo with panels at the output's size: the input with its pixels enlarged, bicubic, \
      restored, and the original where there is one. Files whose names begin with hr- (--degrade) are \
      originals: they are degraded by the second-order model first.
      """)

  @Option(help: ArgumentHelp("The folder of low-quality photos.", valueName: "folder"))
  var data: String

  @Option(help: "A model folder, or the name of one in Models (default: $NSARM_MODEL, else nano).")
  var model: String?

  @Option(help: ArgumentHelp("Names of originals begin like this.", valueName: "prefix"))
  var degrade = "hr-"

  @Option(
    help: ArgumentHelp(
      "Another method's restored pictures, with the names of the inputs. Repeatable.",
      valueName: "name=folder"))
  var method: [String] = []

  @Option(help: "Picture i is degraded and restored with this seed + i.")
  var seed: UInt64 = 1

  @Option(help: ArgumentHelp("Largest side of a panel, cut from the middle.", valueName: "pixels"))
  var panel = 512

  @Option(help: ArgumentHelp("Use the first photos only.", valueName: "count"))
  var limit: Int?

  @Option(help: "Format of the sheets: jpeg, png, webp.")
  var format = ImageFormat.jpeg

  @Option(
    help: ArgumentHelp("Keep the whole pictures here: lr and restored.", valueName: "folder"))
  var save: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("Where the sheets go.", valueName: "folder"))
  var output: String

  @OptionGroup var compute: ComputeOptions

  func validate() throws {
    if panel < 32 { throw ValidationError("--panel has to be at least 32") }
    if let limit, limit < 1 { throw ValidationError("--limit has to be at least 1") }
    if method.contains(where: { !$0.contains("=") }) {
      throw ValidationError("--method has to be NAME=FOLDER")
    }
  }

  func run() throws {
    let policy = try compute.policy()
    let folder = try PictureFolder(data)
    let peers = try method.map { text in
      let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
      return (name: parts[0], folder: try PictureFolder(parts[1]))
    }
    let restorer = try Restorer(model, policy)
    let scale = restorer.scale
    for folder in [output] + (save.map { ["\($0)/lr", "\($0)/restored"] } ?? []) {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    let names = folder.names.prefix(limit ?? folder.names.count)
    let countdown = Countdown(names.count)
    for (index, name) in names.enumerated() {
      let seed = seed &+ UInt64(index)
      let picture = try readRGB(folder.file(name))
      let original =
        name.hasPrefix(degrade)
        ? picture.centre(width: .max, height: .max, unit: scale) : nil
      let low = original?.degraded(seed: seed, scale: scale) ?? picture
      let restored = try restorer.restored(low, seed: seed)
      if let save {
        for (kind, image) in [("lr", low), ("restored", restored)] {
          try image.write(to: "\(save)/\(kind)/\(stem(name)).png", overwrite: true)
        }
      }

      let part = low.rect.centre(width: panel / scale, height: panel / scale)
      let shown = part.scaled(by: scale)
      var sheet = PanelSheet()
      sheet.add(low.cropped(to: part).repeated(scale), "input x\(scale)")
      sheet.add(low.bicubic(scale).cropped(to: shown), "bicubic")
      for peer in peers {
        let path = try peer.folder.counterpart(of: name)
        let image = try readRGB(path)
        guard image.rect.contains(shown) else {
          throw BenchmarkError("\(path): smaller than \(scale) times the input")
        }
        sheet.add(image.cropped(to: shown), peer.name)
      }
      sheet.add(restored.cropped(to: shown), restorer.model.configuration.name)
      if let original { sheet.add(original.cropped(to: shown), "original") }
      try sheet.image.write(
        to: "\(output)/\(stem(name)).\(format.fileExtensions[0])",
        options: EncodingOptions(quality: 93), overwrite: true)
      countdown.finished(index + 1, name)
    }
    print("\(names.count) sheets in \(output)")
  }
}

extension ImageFormat: ExpressibleByArgument {}
