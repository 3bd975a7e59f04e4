import Checkpoints
import NSARM

extension ConvertPlan {
  /// What the model is, the files with their sizes, and what was left out.
  var report: String {
    let c = model.configuration
    var lines = ["\(c.name) (\(output))"]
    func add(_ name: String, _ value: String) { lines.append(labelled(name, value)) }
    func size(_ weights: [PublishedWeight], _ prefix: String = "") -> String {
      grouped(
        weights.filter { $0.name.hasPrefix(prefix) }.reduce(0) { $0 + $1.shape.reduce(1, *) })
        + " parameters"
    }
    if let network = c.network {
      add("network", "\(network.title), \(size(model.weights))")
      add("dial", twin == nil ? "none" : "--strength, by the twin")
    } else {
      let t = c.tokenizer
      add(
        "tokenizer",
        "f\(t.downsampling), \(t.latentChannels) bits a cell, \(size(model.weights, "tokenizer."))")
    }
    if case .published(let n)? = c.transformationNetwork {
      let part = Model.Part.transformationNetwork.rawValue
      add(
        "transformation network",
        "scales \(n.scales), heads \(n.heads), \(size(model.weights, part))")
    }
    if let n = c.transformer {
      let part = Model.Part.transformer.rawValue
      add(
        "transformer",
        "\(n.depth) blocks, width \(n.width), \(n.heads) heads, tokens of \(c.tokenBits) bits,"
          + " \(size(model.weights, part))")
    }
    if let text {
      let s = text.encoder.shape
      add(
        "text encoder",
        "\(s.blocks) blocks, width \(s.channels), \(s.heads) heads, \(size(text.encoder.weights))")
    }
    lines += ["", "files"]
    func list(_ plan: ShardPlan, in folder: String) {
      for shard in plan.shards {
        let name = (folder + shard.file).padding(toLength: 48, withPad: " ", startingAt: 0)
        lines.append("  \(name)\(grouped(shard.byteCount)) bytes")
      }
    }
    list(weights, in: "")
    if let twin { list(twin.weights, in: ModelFolder.twin + "/") }
    if let text { list(text.weights, in: ModelFolder.textEncoder + "/") }
    let dropped = PublishedRemainder.summary(remainder.dropped)
    if !dropped.isEmpty { lines += ["", "left out"] + dropped.map { "  " + $0 } }
    return lines.joined(separator: "\n")
  }
}
