import Checkpoints
import NSARM
import Settings

/// The networks that Real-ESRGAN's files hold, as models without code.
extension PublishedModel {
  /// The networks that `init(network:name:)` reads, for messages.
  private static let supported =
    "RealESRGAN_x4plus and x4plus_anime_6B (RRDBNet, 4 times), realesr-general-x4v3,"
    + " realesr-general-wdn-x4v3 and realesr-animevideov3 (SRVGGNetCompact)"

  /// - Parameters:
  ///   - file: a state dict, by itself or as `params_ema` or `params`.
  ///   - name: of the model.
  /// - Throws: `CheckpointError` where the file holds another network. Tensors that do not fit are
  ///   in `remainder.problems`.
  public init(network file: any TensorFile, name: String) throws {
    let (dictionary, network, scale) = try Self.network(file)
    configuration = ModelConfiguration(name: name, scale: scale, network: network)
    do {
      try configuration.validate()
    } catch let error as ConfigurationError {
      throw CheckpointError(file.title, "has a shape that no model has: \(error)")
    }
    var remainder = PublishedRemainder()
    var unknown = Set(dictionary.keys)
    var found: [PublishedWeight] = []
    for parameter in try configuration.withoutTensors().store.parameters {
      let (name, shape) = (parameter.name, parameter.value.shape)
      let key = network.publishedKey(String(name.dropFirst(Model.Part.network.rawValue.count)))
      let full = dictionary.root + key
      guard unknown.remove(key) != nil, let dtype = file.dtype(full) else {
        remainder.problems.append("\(file.title): '\(full)' of shape \(shape) is missing")
        continue
      }
      let weight = PublishedWeight(
        name: name, key: full, file: file, dtype: dtype, shape: file.shape(full)!,
        role: parameter.role, storage: parameter.role.storage)
      remainder.check(weight, shape)
      found.append(weight)
    }
    remainder.problems += unknown.sorted().map {
      "\(file.title): '\(dictionary.root + $0)' is not part of the model"
    }
    remainder.ignored = dictionary.otherTexts
    weights = found
    self.remainder = remainder
  }

  private static func network(_ file: any TensorFile) throws
    -> (PublishedDictionary, NetworkConfiguration, scale: Int)
  {
    func refused(_ reason: String) -> CheckpointError {
      CheckpointError(file.title, "\(reason); these are converted: \(supported)")
    }
    func dictionary(_ marker: String) -> PublishedDictionary? {
      ["params_ema.", "params.", ""].lazy.map { PublishedDictionary(file, root: $0) }
        .first { $0.contains(marker) }
    }
    if let dictionary = dictionary("conv_first.weight"),
      dictionary.contains("body.0.rdb1.conv1.weight")
    {
      let inputs = try dictionary.size("conv_first.weight", 1)
      guard inputs == 3 else {
        throw refused("holds an RRDBNet that reads \(inputs) channels, not 3")
      }
      var c = ResidualDenseConfiguration()
      c.channels = try dictionary.size("conv_first.weight", 0)
      c.growth = try dictionary.size("body.0.rdb1.conv1.weight", 0)
      c.blocks = try dictionary.count("body.")
      c.codeChannels = 0
      return (dictionary, .residualDense(c), 4)
    }
    if let dictionary = dictionary("body.0.weight"), dictionary.contains("body.1.weight") {
      // A convolution and its activation in turn, and a last convolution.
      let layers = try dictionary.count("body.")
      guard layers >= 3, layers % 2 == 1 else {
        throw refused("holds an unknown network of \(layers) layers")
      }
      let outputs = try dictionary.size("body.\(layers - 1).weight", 0)
      guard let scale = (1...16).first(where: { 3 * $0 * $0 == outputs }) else {
        throw refused("holds a network that makes \(outputs) channels, no colours of any scale")
      }
      var c = TrunkConfiguration()
      c.channels = try dictionary.size("body.0.weight", 0)
      c.convolutions = (layers - 3) / 2
      c.join = 0
      c.codeChannels = 0
      return (dictionary, .trunk(c), scale)
    }
    throw refused(
      "holds no network that is known here; its first tensors are "
        + file.names.prefix(4).map { "'\($0)'" }.joined(separator: ", "))
  }
}

extension NetworkConfiguration {
  /// The published name of a weight of the network.
  fileprivate func publishedKey(_ name: String) -> String {
    guard case .trunk(let c) = self else { return name }  // RRDBNet's names are ours
    let parts = name.split(separator: ".").map(String.init)
    let layer =
      switch parts[0] {
      case "conv_in": 0
      case "conv_out": 2 * c.convolutions + 2
      case "body": 2 * Int(parts[1])! + 2
      default: 2 * Int(parts[1])! + 1  // prelu
      }
    return "body.\(layer).\(parts.last!)"
  }
}
