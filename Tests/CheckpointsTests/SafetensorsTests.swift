import Foundation
import Testing
import Torch

@testable import Checkpoints

@Suite struct SafetensorsTests {
  @Test func roundTripOfEveryType() throws {
    let folder = try TemporaryFolder()
    let base = Tensor([0, 1, 2, 3, 100, 7] as [Float], shape: [2, 3])
    var tensors = DType.allCases.map { ("of \($0)", base.to($0)) }
    tensors.append(("scalar", Tensor([3.5] as [Float], shape: [])))
    tensors.append(("empty", Tensor.zeros([4, 0, 2])))
    tensors.append(("not contiguous", base.transposed(0, 1)))
    tensors.append(("not finite", Tensor([Float.nan, .infinity, -.infinity, -0.0])))
    tensors.append(("\"\\\n\u{1}ß漢😀", base))
    let metadata = ["format": "test", "quote\"": "line\nbreak 😀"]
    try writeSafetensors(tensors, metadata: metadata, to: folder.file("a.safetensors"))

    let file = try SafetensorsFile(folder.file("a.safetensors"))
    #expect(file.metadata == metadata)
    #expect(Set(file.names) == Set(tensors.map(\.0)))
    for (name, tensor) in tensors {
      let read = try file.tensor(name)
      #expect(read.dtype == tensor.dtype && file.dtype(name) == tensor.dtype)
      #expect(read.shape == tensor.shape && file.shape(name) == tensor.shape)
      #expect(bytes(read) == bytes(tensor), "\(name)")
    }
    #expect(folder.contents == ["a.safetensors"])
  }

  @Test func tensorsShareTheMappingAndOutliveTheFile() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.safetensors")
    let values = (0..<1000).map(Float.init)
    try writeSafetensors([("w", Tensor(values))], to: path)
    var file: SafetensorsFile? = try SafetensorsFile(path)
    let first = try file!.tensor("w")
    let second = try file!.tensor("w")
    #expect(first.withBytes { $0.baseAddress } == second.withBytes { $0.baseAddress })
    file = nil
    try writeSafetensors([("w", Tensor([1] as [Float]))], to: path)
    #expect(first.floats == values)
    first.addInPlace(Tensor.ones([1000]))
    #expect(try SafetensorsFile(path).tensor("w").floats == [1])
  }

  @Test func misalignedDataIsCopied() throws {
    let folder = try TemporaryFolder()
    let path = try folder.safetensors(
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"#
        + #""b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}"#, data: 9)
    #expect(try SafetensorsFile(path).tensor("b").floats == [0, 0])
  }

  @Test(arguments: [
    ("[]", 0, "expected an object"),
    ("{\"a\":1}", 0, "tensor 'a' is described by 1, expected an object"),
    (#"{"a":{"dtype":"F32","shape":[1]}}"#, 4, "tensor 'a' has no 'data_offsets'"),
    (
      #"{"a":{"dtype":"Q9","shape":[1],"data_offsets":[0,4]}}"#, 4, "the text 'Q9', expected one of"
    ),
    (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "no valid shape"),
    (#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#, 4, "no valid shape"),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4,
      "4 bytes, expected 8 for F32 of shape [2]"
    ),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "no valid data_offsets"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4, "the file is truncated"),
    (
      #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, 0,
      "no memory holds"
    ),
    (
      #"{"a":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0]}}"#, 0,
      "no memory holds"
    ),
    (
      #"{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,0]}}"#, 0,
      "no valid shape"
    ),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 8, "bytes, expected"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "follows a gap"),
    (
      #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}"#,
      6, "tensor 'b' overlaps"
    ),
    (#"{"a":{"dtype":"U8","dtype":"U8"}}"#, 0, "'dtype' appears twice"),
    (#"{"a":"#, 0, "ends too early"),
    (#"{"__metadata__":{"a":1}}"#, 0, "__metadata__ 'a' is 1, expected a text"),
    (#"{"a":"\ud800"}"#, 0, "surrogate"),
    (String(repeating: "[", count: 10_000), 0, "nested too deeply"),
  ])
  func wrongHeaders(_ json: String, _ data: Int, _ expected: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.safetensors(json, data: data)
    let message = try #require(message { _ = try SafetensorsFile(path) })
    #expect(
      message.contains(expected) && message.hasPrefix(path) && !message.contains("\n"), "\(message)"
    )
  }

  @Test func truncatedAnywhere() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.safetensors")
    try writeSafetensors([("a", Tensor.ones([3, 5])), ("b", Tensor.ones([7]))], to: path)
    let whole = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    for length in 0..<whole.count {
      let short = try folder.write("short", Array(whole.prefix(length)))
      #expect(message { _ = try SafetensorsFile(short) } != nil, "\(length) bytes were accepted")
    }
    #expect(message { _ = try SafetensorsFile(folder.file("none")) }!.contains("No such file"))
    #expect(message { _ = try SafetensorsFile(folder.path) }!.contains("not a regular file"))
  }

  @Test func parameterStoreNamesWhatDoesNotFit() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.safetensors")
    let poisoned = Tensor([1, .nan, 3] as [Float])
    try writeSafetensors(
      [("weight", Tensor.ones([2, 3])), ("bias", poisoned), ("extra", Tensor.ones([1]))], to: path)
    let store = ParameterStore(try SafetensorsFile(path))
    _ = try store.root("weight", [3, 2], .matrix, .zeros)
    _ = try store.root("bias", [3], .vector, .zeros)
    _ = try store.root("gain", [3], .vector, .zeros)
    let text = try #require(message { try store.validate() })
    for part in [
      path, "'weight' has shape [2, 3], expected [3, 2]", "'gain' is missing",
      "'extra' is not part of the model", "'bias' holds values that are not finite",
    ] { #expect(text.contains(part), "\(text)") }
  }
}
