import Foundation
import Settings
import Torch

extension TrainingRecipe.Settings {
  func validate(_ check: SettingsCheck) throws {
    try check("stage", !stage.isEmpty, else: "is missing")
    try check("steps", steps != nil || hours != nil, else: "is missing: give 'steps' or 'hours'")
    if let steps { try check("steps", steps, 1...1_000_000_000) }
    if let hours { try check("hours", hours, 1e-6...1e6) }
    try check("batch", batch, 1...100_000)
    try check("accumulation", accumulation, 1...10_000)
    try check("learningRate", learningRate, 1e-30...1000)
    for (name, rate) in learningRates.sorted(by: { $0.key < $1.key }) {
      try (check / "learningRates")(name, rate, 1e-30...1000)
    }
    try check("warmup", warmup, 0...1_000_000_000)
    try (check / "decay")("to", decay.to, 0...1)
    try (check / "decay")("over", decay.over, 1e-9...1)
    try (check / "optimizer")("beta1", optimizer.beta1, 0...0.999_999_9)
    try (check / "optimizer")("beta2", optimizer.beta2, 0...0.999_999_9)
    try (check / "optimizer")("epsilon", optimizer.epsilon, 1e-30...1)
    try (check / "optimizer")("weightDecay", optimizer.weightDecay, 0...1000)
    if let gradientClip { try check("gradientClip", gradientClip, 1e-12...1e12) }
    try check("emaDecay", emaDecay, 0...0.999_999_9)
    try check(
      "precision", precision != .int8,
      else: "is int8, which has no gradients; auto, float32 or bfloat16"
        + " are allowed")
    try check("validationEvery", validationEvery, 0...1_000_000_000)
    try check("previewEvery", previewEvery, 0...1_000_000_000)
    try check("checkpointEvery", checkpointEvery, 0...1_000_000_000)
    try check("checkpointMinutes", checkpointMinutes, 0...1e6)
    try data.validate(check / "data")
  }

  /// The factor of the learning rate at update `step` (from 1), with the fraction `progress`
  /// (0...1) of the run finished.
  func scheduleFactor(step: Int, progress: Double) -> Double {
    let rise = warmup > 0 ? min(Double(step) / Double(warmup), 1) : 1
    let fall = min(max((progress - (1 - decay.over)) / decay.over, 0), 1)
    switch decay.shape {
    case .constant: return rise
    case .linear: return rise * (1 - (1 - decay.to) * fall)
    case .cosine: return rise * (decay.to + (1 - decay.to) * (1 + cos(.pi * fall)) / 2)
    }
  }
}
