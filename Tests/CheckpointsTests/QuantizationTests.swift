import Foundation
import Testing
import Torch

@testable import Checkpoints

@Suite struct QuantizationTests {
  @Test func errorIsAtMostHalfAStep() {
    let random = RandomGenerator(seed: 3)
    let weight =
      Tensor.randn([16, 4, 3, 3], using: random) * Tensor.range(16, .float32).reshaped(16, 1, 1, 1)
    let stored = Int8Weight(weight)
    #expect(stored.values.dtype == .int8 && stored.values.shape == weight.shape)
    #expect(stored.scale.shape == [16])
    let error = (stored.dequantized() - weight).abs().reshaped(16, -1)
    let bound = stored.scale.unsqueezed(1) * 0.5001
    #expect((error .<= bound).to(.uint8).min().item == 1)
    #expect(stored.values.to(.float32).abs().reshaped(16, -1).floats.max() == 127)
    #expect(stored.dequantized().selected(0, 0).abs().max().item == 0)  // a row of zeros
  }

  @Test(arguments: [DType.float32, .bfloat16])
  func loadingCodeIsUnaware(_ dtype: DType) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("q.safetensors")
    let random = RandomGenerator(seed: 4)
    let weight = Tensor.randn([8, 6], using: random)
    // "norm.scale" is an ordinary parameter, not the scale of an eight-bit weight.
    let tensors = [
      ("fc.weight", weight), ("fc.bias", Tensor.ones([8])), ("norm", Tensor.ones([2])),
      ("norm.scale", Tensor.ones([2])),
    ]
    let quantized = Int8Weight(weight)
    try writeSafetensors(
      [("fc.weight", quantized.values), ("fc.weight.scale", quantized.scale)] + tensors.dropFirst(),
      to: path)
    let file = try SafetensorsFile(path)
    #expect(file.dtype("fc.weight") == .int8 && file.shape("fc.weight.scale") == [8])

    let source = QuantizedSource(file, dequantizedTo: dtype)
    #expect(Set(source.names) == ["fc.weight", "fc.bias", "norm", "norm.scale"])
    let store = ParameterStore(source)
    let layer = try Linear(6, 8, store.root / "fc")
    try store.validate(ignoring: { $0.hasPrefix("norm") })
    #expect(layer.weight.value.dtype == dtype && layer.bias!.value.dtype == .float32)
    let expected = quantized.dequantized(dtype)
    #expect(bytes(layer.weight.value) == bytes(expected))
    guard case .full = try source.storedWeight("fc.bias"),
      case .int8(let stored) = try source.storedWeight("fc.weight")
    else {
      Issue.record("another form")
      return
    }
    #expect(stored.scale.shape == [8])
  }

  @Test func halfPrecisionStorage() throws {
    let folder = try TemporaryFolder()
    let w = Tensor([1, 2.5, -3] as [Float]).to(.bfloat16)
    try writeSafetensors([("w", w), ("n", Tensor([7] as [Int64]))], to: folder.file("h"))
    let source = QuantizedSource(try SafetensorsFile(folder.file("h")))
    #expect(try source.tensor("w").dtype == .bfloat16 && source.tensor("w").floats == [1, 2.5, -3])
    #expect(try source.tensor("n").dtype == .int64)
  }
}
