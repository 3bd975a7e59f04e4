/// A value of a Python pickle. Containers are indices into the machine that read it, so that deep
/// or circular structures cost nothing to release.
enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  case text(String)
  /// A list or tuple, by its index in `PickleMachine.sequences`.
  case sequence(Int)
  /// A dictionary, by its index in `PickleMachine.dictionaries`.
  case dictionary(Int)
  /// A function or class by name; only names on a list of known ones get this far.
  case global(String)
  case storage(PickleStorage)
  case tensor(PickleTensor)
  /// Something that no tensor depends on: real numbers, bytes, sets, settings. Its content is
  /// dropped.
  case inert

  var isInert: Bool { if case .inert = self { true } else { false } }
}

/// Memory that tensors share: elements of one type under a key of the checkpoint.
struct PickleStorage {
  let type: String
  let key: String
  /// Elements, or bytes for an untyped storage.
  let count: Int
}

/// A view of a storage; `type` overrides that of the storage where it has none.
struct PickleTensor {
  let storage: PickleStorage
  let type: String
  let offset: Int
  let shape, strides: [Int]
}
