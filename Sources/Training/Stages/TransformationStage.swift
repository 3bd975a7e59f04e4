import NSARM
import Torch

/// Stage 1: the transformation network learns the unquantised residual maps R_1..R_{K_LR} of the
/// ground truth from the degraded picture; mean squared error over all scales, encoder frozen.
final class TransformationStage: ModelStage {
  struct ModelSection: Codable {
    var transformationNetwork = ConvolutionalTransformationNetwork.Configuration()
  }

  struct LossSection: Codable {
    var labels = Target.original
  }

  let model: Model
  private let network: any TransformationNetwork
  private let quantizer: MultiScaleQuantizer
  private let labels: Target

  init(_ start: StageStart) throws {
    model = try start.model { configuration in
      guard configuration.transformationNetwork == nil else { return }
      let section = try start.recipe.section("model", defaults: ModelSection())
      configuration.transformationNetwork = .convolutional(section.transformationNetwork)
    }
    labels = try start.recipe.section("loss", defaults: LossSection()).labels
    network = model.transformationNetwork!
    quantizer = MultiScaleQuantizer(model.configuration.scaleSchedule)
    try start.requireTiles(model)
    model.freeze(except: trained)
  }

  private var trained: [Parameter] { model.parameters(of: .transformationNetwork) }
  var parameterGroups: [(name: String, parameters: [Parameter])] { [("transformation", trained)] }
  var averagedParameters: [Parameter] { trained }

  private func targets(_ batch: TrainingBatch) -> TokenPyramid {
    withoutGradients { quantizer.encode(model.features(batch, of: labels)) }
  }

  func objective(_ batch: TrainingBatch, step: Int, random: UpdateRandom) throws -> Objective {
    Objective(group: "transformation") { [self] in
      let pyramid = targets(batch)
      let predicted = model.prefix(lowQuality: batch.lowQuality)
      let errors = zip(predicted, pyramid.residuals).map { ($0.0 - $0.1).square() }
      let cells = errors.reduce(0) { $0 + $1.count }
      let sum = errors.map { $0.sum() }.reduce(Tensor.zeros([], on: policy.device), +)
      return .init(loss: sum / Double(cells))
    }
  }

  func problem(validatingHeight height: Int, width: Int) -> String? {
    model.configuration.problem(asTileOfHeight: height, width: width)
  }

  func validate(_ batch: TrainingBatch) throws -> [String: Double] {
    let pyramid = targets(batch)
    var figures: [String: Double] = [:]
    for (k, map) in model.prefix(lowQuality: batch.lowQuality).enumerated() {
      let truth = pyramid.residuals[k]
      figures["mse_\(k + 1)"] = (map - truth).square().mean().item
      figures["variance_\(k + 1)"] = truth.square().mean().item
      figures["accuracy_\(k + 1)"] =
        (BinarySphericalQuantization.bits(map) .== pyramid.bits[k]).to(.float32).mean().item
    }
    return figures
  }

  func previewColumns(_ batch: TrainingBatch) throws -> [Tensor] {
    var intervention = MultiScaleQuantizer.Intervention()
    intervention.givenResiduals = model.prefix(lowQuality: batch.lowQuality)
    let count = network.scaleCount
    let features = model.features(batch, of: labels)
    let given = quantizer.encode(features, intervention).sums[count - 1]
    let truth = quantizer.encode(features).sums[count - 1]
    return
      [model.enlarged(batch.lowQuality)]
      + [given, truth].map { model.decoded($0, batch) } + [batch.highQuality]
  }
}
