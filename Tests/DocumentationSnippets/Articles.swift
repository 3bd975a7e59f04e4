import Imaging
import NSARM
import SuperResolution
import Torch
import Upscaling

/// `PhotoUpscaler.restore`, whose output must not be there yet.
func photo() async throws {
  let upscaler = try await PhotoUpscaler(model: .nano)
  for try await event in upscaler.restore("holiday.jpg", to: "holiday_x4.png") {
    if case .progress(let share) = event { print("\(Int(share * 100)) %") }
  }
}

/// Sources/Upscaling/Upscaling.docc.
func photos() async throws {
  let upscaler = try await PhotoUpscaler(model: "Models/nano")

  var options = PhotoUpscaler.Options()
  options.scale = 2
  options.encoding.quality = 85
  options.overwrite = true
  options.resolver.seed = 7
  for try await event in upscaler.restore("holiday.jpg", to: "holiday_x2.jpg", options) {
    if case .finished(let report) = event { print(report.outputSize, report.warnings) }
  }

  let picture = try ImageFile.read("holiday.jpg")
  let restored = try await upscaler.restored(picture)
  try restored.write(to: "restored.webp")
  precondition(restored.width == 4 * picture.width)

  do {
    for try await _ in upscaler.restore("missing.jpg", to: "restored.png") {}
  } catch let error as ImagingError {
    print(error)  // missing.jpg: no such file; check the path
  }
}

func folder() async throws {
  let upscaler = try await PhotoUpscaler(model: .nano)
  let inputs = BatchInputs(["photos"], leavesOutOutputs: true)
  let plan = BatchPlan(inputs.files, to: .folder("restored"), format: .png)
  for failure in inputs.failures + plan.failures { print(failure.input, failure.error) }
  for item in plan.items {
    try item.createFolder()
    for try await _ in upscaler.restore(item.input.path, to: item.output) {}
  }
  precondition(plan.items.count == 1)
}

func cancelled() async throws {
  let upscaler = try await PhotoUpscaler(model: .nano)
  let restoration = Task {
    for try await event in upscaler.restore("holiday.jpg", to: "unwanted.png") {
      if case .finished = event { return true }
    }
    return false
  }
  restoration.cancel()
  let isDone = try await restoration.value
  precondition(!isDone)
}

/// Sources/SuperResolution/SuperResolution.docc.
func tensors(_ picture: Tensor) async throws {
  let resolver = try await SuperResolver(model: .nano)
  var options = SuperResolver.Options()
  options.seed = 7
  options.overlap = 0.5

  for try await event in resolver.restore(picture, options) {
    switch event {
    case .progress(let share): print("\(Int(share * 100)) %")
    case .rows(let first, let strip): print("rows from \(first):", strip.shape)
    case .finished(let restored): print("restored:", restored.shape)
    }
  }
}

func policy() throws {
  let folder = try ModelFolder(ModelLocator.find("nano"))
  let model = try folder.load(folder.policy(.float32))
  let resolver = try SuperResolver(model)
  precondition(resolver.model.policy.precision == .float32)
}

/// Sources/SuperResolution/ModelLoader.swift.
func loading() throws {
  let loader = ModelLoader(memory: .bytes(6_000_000_000))
  let resolver = try loader.resolver(ModelFolder("Models/nano"))
  precondition(resolver.model.configuration.scale == 4)
}
