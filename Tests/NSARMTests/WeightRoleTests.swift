import Foundation
import ModelTestSupport
import TestSupport
import Testing
import Torch

@testable import NSARM
@testable import PublishedCheckpoints

/// The roles of weights choose the same weights as the names by which files were written before
/// there were roles, so that models of earlier versions are read and written as they were.
@Suite struct WeightRoleTests {
  /// The rules by names.
  private struct Names {
    let name: String
    let shape: [Int]
    let readsLatent: Bool

    var isWide: Bool {
      guard shape.count == 2 || shape.count == 4 else { return true }
      return isUsedWide || readsLatent && name.hasPrefix("tokenizer.encoder.")
    }
    var isUsedWide: Bool {
      [
        "ada_lin.1.weight", "ada_gss", "head.weight", "lvl_embed.weight", "scale_mul_1H11",
        "cfg_uncond",
      ].contains { name.hasSuffix($0) }
    }
    var isQuantizableMatrix: Bool {
      shape.count == 2 && name.contains("block") && min(shape[0], shape[1]) >= 32
    }
    var isKeptMapped: Bool {
      shape.count == 2 && shape[0] * shape[1] > 1 << 20 && !isQuantizableMatrix
        && (!isUsedWide || name.hasSuffix("ada_lin.1.weight"))
    }
    var isPackedMatrix: Bool {
      isQuantizableMatrix
        || shape.count == 2 && shape[0] * shape[1] <= 1 << 20
          && name.hasPrefix("transformer.")
          && ["word_embed", "ada_lin.1", "start", "head"].contains {
            name.hasSuffix($0 + ".weight")
          }
    }
    var isPackedKernel: Bool {
      PackedKernel.suits(shape) && !name.contains("downsample")
        && !name.hasPrefix("tokenizer.encoder.")
    }
    var isDenseKernel: Bool {
      shape.count == 4 && shape[2...] == [3, 3] && shape[0] % 32 == 0 && shape[1] % 32 == 0
        && name.contains(".rdb")
    }
    var isQuantizableKernel: Bool {
      shape.count == 4 && shape[2] == 3 && min(shape[0], shape[1]) >= 16
        && !name.contains("conv_in") && !name.contains("conv_out")
        && !name.hasPrefix("tokenizer.encoder.") && !name.contains(".body.")
    }
  }

  private static func configurations() throws -> [ModelConfiguration] {
    let shipped = try ["nano", "base"].map {
      try ModelFolder(Fixture.packageRoot.path + "/Models/" + $0).configuration
    }
    let tokenizers: [(AutoencoderConfiguration, Int)] = [
      (.published(downsampling: 8, latentChannels: 14), 2),
      (.published(downsampling: 16, latentChannels: 32), 1),
      (.published(downsampling: 16, latentChannels: 64), 1),
    ]
    let published = PublishedSize.allCases.flatMap { size in
      tokenizers.flatMap { tokenizer, patch in
        [nil, PublishedTransformationNetwork.Configuration()].map { network in
          ModelConfiguration.published(
            tokenizer: tokenizer, patch: patch, transformer: size.transformer,
            transformationNetwork: tokenizer.downsampling == 8 ? network : nil)
        }
      }
    }
    var dense = TinyModel.configuration
    dense.tokenizer.trunk = nil
    dense.tokenizer.residualDense = ResidualDenseConfiguration()
    var mirror = TinyModel.configuration
    mirror.tokenizer.trunk = nil
    return shipped + published + [TinyModel.configuration, dense, mirror]
  }

  @Test func rolesChooseWhatNamesChose() throws {
    for configuration in try Self.configurations() {
      let readsLatent = configuration.transformationNetwork?.readsLatent == true
      for parameter in try configuration.withoutTensors().store.parameters {
        let (role, shape) = (parameter.role, parameter.value.shape)
        let names = Names(name: parameter.name, shape: shape, readsLatent: readsLatent)
        let place = "\(configuration.name): \(parameter.name) \(shape)"
        #expect(role.isWide == names.isWide, "\(place)")
        #expect(role.isQuantizableMatrix(shape) == names.isQuantizableMatrix, "\(place)")
        #expect(role.isKeptMapped(shape) == names.isKeptMapped, "\(place)")
        #expect(role.isPackedMatrix(shape) == names.isPackedMatrix, "\(place)")
        #expect(role.isPackedKernel(shape) == names.isPackedKernel, "\(place)")
        #expect(role.isDenseKernel(shape) == names.isDenseKernel, "\(place)")
        #expect(role.isQuantizableKernel(shape) == names.isQuantizableKernel, "\(place)")
      }
    }
  }
}
