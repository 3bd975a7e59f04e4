// swift-tools-version: 6.1
import PackageDescription

// vips.pc carries flags that SwiftPM refuses with a warning; what vips.h includes is GObject only.
#if os(macOS)
  let vipsPackage = "vips"
#else
  let vipsPackage = "gobject-2.0"
#endif

let package = Package(
  name: "nsarm",
  products: [
    .executable(name: "nsarm", targets: ["NSARMCommand"]),
    .library(name: "Training", targets: ["Training"]),
    .library(name: "Upscaling", targets: ["Upscaling"]),
    .library(name: "Video", targets: ["Video"]),
    .library(name: "Imaging", targets: ["Imaging"]),
    .library(name: "NSARM", targets: ["NSARM"]),
    .library(name: "Torch", targets: ["Torch"]),
    .library(name: "Degradations", targets: ["Degradations"]),
    .library(name: "Checkpoints", targets: ["Checkpoints"]),
    .library(name: "ImageQuality", targets: ["ImageQuality"]),
    .library(name: "Evaluation", targets: ["Evaluation"]),
    .library(name: "Files", targets: ["Files"]),
  ],
  dependencies: [
    .package(path: "Packages/CTorch"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .target(name: "Torch", dependencies: [.product(name: "CTorch", package: "CTorch")]),
    .systemLibrary(
      name: "CGLib", pkgConfig: "glib-2.0",
      providers: [.apt(["libglib2.0-dev"]), .brew(["glib"])]),
    .target(name: "Files", dependencies: ["CGLib"]),
    .testTarget(name: "FilesTests", dependencies: ["Files", "TestSupport"]),
    .testTarget(name: "PackageTests", dependencies: ["TestSupport"]),
    .target(name: "Settings"),
    .testTarget(name: "SettingsTests", dependencies: ["Settings", "YAMLSettings"]),
    .target(name: "Checkpoints", dependencies: ["Files", "Torch"]),
    .systemLibrary(
      name: "CVipsSystem", pkgConfig: vipsPackage,
      providers: [.apt(["libvips-dev"]), .brew(["vips"])]),
    .target(
      name: "CVips", dependencies: ["CVipsSystem"], linkerSettings: [.linkedLibrary("vips")]),
    .target(name: "CPassiveWaiting"),
    .target(name: "CSentencePiece", linkerSettings: [.linkedLibrary("sentencepiece")]),
    .target(name: "Imaging", dependencies: ["CVips", "Files", "Torch"]),
    .target(name: "NSARM", dependencies: ["Checkpoints", "Files", "Settings", "Torch"]),
    .target(
      name: "Prompts",
      dependencies: ["CSentencePiece", "Checkpoints", "Files", "Imaging", "NSARM", "Torch"]),
    .testTarget(
      name: "PromptsTests",
      dependencies: [
        "Checkpoints", "Imaging", "ModelTestSupport", "NSARM", "Prompts", "TestSupport", "Torch",
      ],
      exclude: ["Fixtures"]),
    .target(
      name: "YAMLSettings", dependencies: ["Settings", .product(name: "Yams", package: "Yams")]),
    .target(
      name: "TestSupport", dependencies: ["Imaging", "Torch"], path: "Tests/TestSupport"),
    .testTarget(
      name: "ImagingTests", dependencies: ["Files", "Imaging", "TestSupport", "Torch"]),
    .testTarget(
      name: "ParityTests",
      dependencies: [
        "Imaging", "ModelTestSupport", "NSARM", "Degradations", "ParityTestSupport", "TestSupport",
        "Torch",
      ]),
    .target(
      name: "ParityTestSupport", dependencies: ["NSARM", "TestSupport", "Torch"],
      path: "Tests/ParityTestSupport"),
    .target(
      name: "TorchSaveSupport", dependencies: ["Files", "Torch"], path: "Tests/TorchSaveSupport"),
    .testTarget(
      name: "PublishedTests",
      dependencies: [
        "Checkpoints", "Files", "NSARM", "ParityTestSupport", "TestSupport", "Torch",
        "TorchSaveSupport",
      ]),
    .executableTarget(
      name: "random-checkpoint", dependencies: ["NSARM", "Torch", "TorchSaveSupport"],
      path: "Benchmarks/RandomCheckpoint"),
    .testTarget(name: "TorchTests", dependencies: ["Torch"]),
    .target(name: "Degradations", dependencies: ["Imaging", "Settings", "Torch"]),
    .testTarget(
      name: "DegradationsTests", dependencies: ["Degradations", "Imaging", "Settings", "Torch"]),
    .testTarget(
      name: "CheckpointsTests", dependencies: ["Checkpoints", "Files", "TestSupport", "Torch"],
      exclude: ["Fixtures"]),
    .target(name: "ImageQuality", dependencies: ["Torch", "Checkpoints"]),
    .testTarget(name: "ImageQualityTests", dependencies: ["ImageQuality", "Torch", "TestSupport"]),
    .target(
      name: "ModelTestSupport", dependencies: ["Checkpoints", "NSARM", "TestSupport", "Torch"],
      path: "Tests/ModelTestSupport"),
    .testTarget(
      name: "NSARMTests",
      dependencies: [
        "Checkpoints", "ModelTestSupport", "NSARM", "Settings", "TestSupport", "Torch",
      ]),
    .testTarget(
      name: "UpscalingTests",
      dependencies: [
        "ImageQuality", "Imaging", "ModelTestSupport", "NSARM", "TestSupport", "Torch", "Upscaling",
      ]),
    .testTarget(
      name: "CommandTests",
      dependencies: [
        "Checkpoints", "Imaging", "ModelTestSupport", "NSARM", "NSARMCommand", "ParityTestSupport",
        "Terminal", "TestSupport", "Torch", "TorchSaveSupport",
      ]),
    .target(name: "Upscaling", dependencies: ["Files", "Imaging", "NSARM", "Torch"]),
    .target(
      name: "Video",
      dependencies: ["Checkpoints", "Files", "Imaging", "NSARM", "Torch", "Upscaling"]),
    .testTarget(
      name: "VideoTests",
      dependencies: [
        "Imaging", "ModelTestSupport", "NSARM", "TestSupport", "Torch", "Upscaling", "Video",
      ]),
    .target(name: "Terminal"),
    .target(
      name: "Training",
      dependencies: [
        "Torch", "Checkpoints", "Files", "Imaging", "Degradations", "NSARM", "ImageQuality",
        "Prompts", "Settings", "Terminal", "YAMLSettings", .product(name: "Yams", package: "Yams"),
      ]),
    .testTarget(
      name: "TrainingTests",
      dependencies: [
        "Checkpoints", "Imaging", "ModelTestSupport", "NSARM", "Prompts", "Settings", "TestSupport",
        "Torch", "Training",
      ]),
    .target(
      name: "Evaluation",
      dependencies: [
        "Degradations", "Files", "ImageQuality", "Imaging", "NSARM", "Torch", "Upscaling",
        "YAMLSettings",
      ]),
    .testTarget(
      name: "EvaluationTests",
      dependencies: [
        "Evaluation", "ImageQuality", "Imaging", "ModelTestSupport", "NSARM", "TestSupport",
        "Torch",
      ]),
    .executableTarget(
      name: "NSARMCommand",
      dependencies: [
        "CPassiveWaiting", "Checkpoints", "Evaluation", "Files", "ImageQuality", "Imaging",
        "NSARM", "Prompts", "Settings", "Terminal", "Torch", "Training", "Upscaling",
        "Video", "YAMLSettings",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Yams", package: "Yams"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
