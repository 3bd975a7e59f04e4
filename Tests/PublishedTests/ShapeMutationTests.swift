import Checkpoints
import TestSupport
import Testing
import Torch

@testable import NSARM
@testable import PublishedCheckpoints

/// Names and shapes without bytes.
private struct ShapesOnly: TensorFile {
  let title = "shapes"
  var shapes: [(name: String, shape: [Int])]

  var names: [String] { shapes.map(\.name) }
  func dtype(_ name: String) -> DType? { shape(name) == nil ? nil : .bfloat16 }
  func shape(_ name: String) -> [Int]? { shapes.first { $0.name == name }?.shape }
  func release(_ name: String) {}
  func tensor(_ name: String) throws -> Tensor { .zeros(shape(name)!, .bfloat16) }

  /// With one to three shapes or names changed.
  func mutant(_ random: inout RandomStream) -> ShapesOnly {
    var mutant = self
    for _ in 0...random.index(3) {
      let at = random.index(mutant.shapes.count)
      let hostile = [0, 1, 2, 3, 7, 32, 64, 100, 65536, 1 << 20, 1 << 40, 1 << 60]
      switch random.index(6) {
      case 0: mutant.shapes.remove(at: at)
      case 1: mutant.shapes[at].name += ".0"
      case 2: mutant.shapes[at].shape = []
      case 3: mutant.shapes[at].shape.append(0)
      default:
        guard !mutant.shapes[at].shape.isEmpty else { continue }
        let dimension = random.index(mutant.shapes[at].shape.count)
        mutant.shapes[at].shape[dimension] = hostile[random.index(hostile.count)]
      }
    }
    return mutant
  }
}

/// Whatever shapes the tensors of a checkpoint have: a model, a list of what does not fit, or an
/// error.
@Suite struct ShapeMutationTests {
  private func configuration() -> ModelConfiguration {
    var (tokenizer, transformer) = (AutoencoderConfiguration(), TransformerConfiguration())
    tokenizer.baseChannels = 32
    tokenizer.residualBlocks = 1
    (transformer.width, transformer.depth, transformer.heads) = (256, 2, 2)
    transformer.text = TextConfiguration()
    var map = PublishedTransformationNetwork.Configuration()
    map.layers = [1, 1, 1, 1, 1, 1, 1]
    return .published(
      tokenizer: tokenizer, patch: 2, transformer: transformer, transformationNetwork: map)
  }

  @Test func models() throws {
    let all = try configuration().parameterShapes()
    let split = Dictionary(grouping: all) { $0.name.hasPrefix("tokenizer.") }
    let tokenizer = ShapesOnly(
      shapes: split[true]!.map { (String($0.name.dropFirst(10)), $0.shape) })
    let main = ShapesOnly(
      shapes: split[false]!.map { (PublishedNames.transformer.key($0.name), $0.shape) })
    let whole = try PublishedModel(transformer: main, tokenizer: tokenizer)
    #expect(whole.remainder.problems == [] && whole.configuration == configuration())

    var random = RandomStream(seed: 4, stream: 1)
    var unharmed = 0
    for round in 0..<Mutator.count(150) {
      do {
        let found = try PublishedModel(
          transformer: round % 2 == 0 ? main.mutant(&random) : main,
          tokenizer: round % 2 == 0 ? tokenizer : tokenizer.mutant(&random))
        if found.remainder.problems.isEmpty { unharmed += 1 }
      } catch let error as CheckpointError {
        #expect(!error.reason.contains("\n"))
      }
    }
    #expect(unharmed < Mutator.count(20))
  }

  @Test func textEncoders() throws {
    let shape = PublishedTextEncoder.Shape(
      vocabulary: 12, channels: 8, blocks: 2, heads: 2, headChannels: 3, feedForward: 10,
      buckets: 4)
    let whole = ShapesOnly(shapes: shape.parameters)
    var random = RandomStream(seed: 4, stream: 2)
    for _ in 0..<Mutator.count(300) {
      do {
        _ = try PublishedTextEncoder(whole.mutant(&random))
      } catch let error as CheckpointError {
        #expect(!error.reason.contains("\n"))
      }
    }
  }
}
