import NSARM

/// The memory that the graph of one backward pass keeps, estimated from the shapes of the networks.
///
/// A block of the transformer keeps, per token and channel, two values of the hidden states in
/// float32 (three with text), and in the type of matrix products 12 values of self-attention and of
/// the layers around it, the hidden layer of the feed-forward twice, and with text four of
/// cross-attention. `scripts/test-plan` compares the estimate with what runs take.
struct ActivationMemory {
  let configuration: ModelConfiguration
  /// The samples of one backward pass.
  let batch: Int
  /// Bytes per element of the results of matrix products.
  let productSize: Double
  let recomputesBlocks: Bool

  private var samples: Double { Double(batch) }

  /// The bytes of a stage that trains the transformer.
  func transformer(_ c: TransformerConfiguration) -> Double {
    let tokens = samples * Double(configuration.scaleSchedule.tokenCount)
    let width = Double(c.width)
    let (wide, narrow) = c.text == nil ? (2.0, 12.0) : (3.0, 16.0)
    let values = narrow * width + 2 * Double(c.feedForwardWidth)
    var block = tokens * (4 * wide * width + productSize * values)
    // Keys and values of the text.
    let text = samples * Double(c.text?.maximumLength ?? 0)
    block += 2 * text * width * productSize
    let inputs = 4 * tokens * width
    // Logits and their probabilities twice, the hidden states of the head.
    let head = tokens * 4 * (2 * width + 10 * Double(configuration.tokenBits))
    let kept =
      recomputesBlocks ? Double(c.depth) * inputs + block : Double(c.depth) * block
    return kept + head
  }

  /// The bytes of a stage that trains the transformation network.
  func transformationNetwork(_ network: TransformationNetworkConfiguration) -> Double {
    switch network {
    case .published(let c):
      let cells = samples * Double(c.size * c.size)
      var values = 0.0
      for (k, side) in c.scales.enumerated() {
        let width = Double(c.widths[k])
        let tokens = samples * Double(side * side)
        values += 4.5 * width * cells
        values += Double(c.layers[k]) * tokens * width * (10 + 2 * c.feedForwardRatio)
      }
      return productSize * values
    case .convolutional(let c):
      let side = configuration.tileSide / configuration.scale / c.patch
      let cells = samples * Double(side * side)
      return productSize * cells * Double(c.channels) * Double(4 * c.blocks + 4)
    }
  }

  /// The bytes at once of the encoder, outside of the graph, for the originals.
  var encoder: Double {
    let c = configuration.tokenizer
    let side = Double(configuration.tileSide / c.stemPatch)
    return 3 * 4 * samples * side * side * Double(c.baseChannels)
  }
}
