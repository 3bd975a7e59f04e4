/// The functions that pickles call, and what they name as storages.
extension PickleMachine {
  /// Names whose objects are kept as `inert`.
  private static let inertNames: Set<String> = [
    "__builtin__.set", "builtins.set", "builtins.frozenset", "__builtin__.frozenset",
    "builtins.complex",
    "builtins.bytearray", "builtins.slice", "argparse.Namespace", "_codecs.encode",
    "copyreg._reconstructor",
    "builtins.object", "__builtin__.object", "numpy.dtype", "numpy.ndarray",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar", "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct", "pathlib.PosixPath", "pathlib.Path", "torch.device",
    "collections.defaultdict", "collections.Counter", "datetime.datetime",
    "torch.serialization._get_layout",
  ]

  private static let rebuildNames: Set<String> = [
    "collections.OrderedDict", "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3", "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state", "torch.Size", "builtins.dict",
    "builtins.list", "builtins.tuple",
  ]

  /// The value that a global name stands for.
  func named(_ name: String) throws -> PickleValue {
    if PickleMachine.inertNames.contains(name) {
      return .inert
    } else if PickleMachine.rebuildNames.contains(name) || isTypeName(name) {
      return .global(name)
    } else {
      throw FormatError(
        reason:
          "asks for \(quoted(name)), which is refused; expected tensors in dictionaries only, as"
          + " torch.save(model.state_dict(), file) writes them")
    }
  }

  private func isTypeName(_ name: String) -> Bool {
    elementType(storage: name) != nil || elementType(name) != nil || isUntyped(name)
  }

  /// The result of calling `function`.
  mutating func call(_ function: PickleValue, _ arguments: PickleValue) throws -> PickleValue {
    if function.isInert { return .inert }
    guard case .global(let name) = function, case .sequence(let index) = arguments else {
      throw FormatError(reason: "is damaged: its pickle calls something else than a function")
    }
    let values = sequences[index]
    switch name {
    case "collections.OrderedDict", "builtins.dict": return try dictionary(values)
    case "torch.Size", "builtins.tuple", "builtins.list":
      if let first = values.first { return first }
      return made(sequence: [])
    case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
      if let first = values.first, case .tensor = first { return first }
    case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2":
      if let tensor = tensor(values, type: nil) { return .tensor(tensor) }
    case "torch._utils._rebuild_tensor_v3":
      if values.count >= 7, case .global(let type) = values[6],
        let tensor = tensor(values, type: type)
      {
        return .tensor(tensor)
      }
    default: break
    }
    throw FormatError(reason: "calls \(quoted(name)) with arguments that PyTorch does not use")
  }

  private mutating func dictionary(_ arguments: [PickleValue]) throws -> PickleValue {
    var entries: [(key: PickleValue, value: PickleValue)] = []
    if case .sequence(let index)? = arguments.first {
      for case .sequence(let pair) in sequences[index] where sequences[pair].count == 2 {
        entries.append((sequences[pair][0], sequences[pair][1]))
      }
    }
    copiedEntries += entries.count
    guard copiedEntries <= 4_000_000 else {
      throw FormatError(reason: "holds more entries than a model has")
    }
    return made(dictionary: entries)
  }

  private func tensor(_ values: [PickleValue], type: String?) -> PickleTensor? {
    guard values.count >= 4, case .storage(let storage) = values[0],
      case .integer(let offset) = values[1],
      let shape = sizes(values[2]), let strides = sizes(values[3]), shape.count == strides.count
    else { return nil }
    return PickleTensor(
      storage: storage, type: type ?? storage.type, offset: offset, shape: shape, strides: strides)
  }

  private func sizes(_ value: PickleValue) -> [Int]? {
    guard case .sequence(let index) = value, sequences[index].count <= 64 else { return nil }
    var sizes: [Int] = []
    for case .integer(let size) in sequences[index] where size >= 0 { sizes.append(size) }
    return sizes.count == sequences[index].count ? sizes : nil
  }

  /// ("storage", type, key, device, count), and in old files a view, which must be none.
  func storage(_ identifier: PickleValue) throws -> PickleStorage {
    guard case .sequence(let index) = identifier else {
      throw FormatError(reason: "is damaged: a storage has no description")
    }
    let values = sequences[index]
    guard values.count >= 5, case .text("storage") = values[0], case .global(let type) = values[1],
      case .text(let key) = values[2], case .integer(let count) = values[4], count >= 0
    else { throw FormatError(reason: "is damaged: a storage is described in an unknown way") }
    if values.count > 5, case .sequence = values[5] {
      throw FormatError(
        reason: "holds views of storages, as PyTorch before 0.4 wrote them; save it again")
    }
    return PickleStorage(type: type, key: key, count: count)
  }
}
