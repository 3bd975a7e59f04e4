// swift-tools-version: 6.2
import PackageDescription

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
    .package(path: "Packages/CVips"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1",
      traits: ["FullFoundation"]),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    .target(name: "CLazyLibrary"),
    .target(
      name: "CTorchLoader",
      dependencies: ["CLazyLibrary", .product(name: "CTorch", package: "CTorch")]),
    .target(
      name: "CVipsLoader",
      dependencies: ["CLazyLibrary", .product(name: "CVips", package: "CVips")]),
    .target(
      name: "Torch", dependencies: ["CTorchLoader", .product(name: "CTorch", package: "CTorch")]),
    .systemLibrary(
      name: "CGLib", pkgConfig: "glib-2.0",
      providers: [.apt(["libglib2.0-dev"])]),
    .target(name: "CMappedMemory"),
    .target(name: "Files", dependencies: ["CGLib", "CMappedMemory"]),
    .testTarget(name: "FilesTests", dependencies: ["Files", "TestSupport"]),
    .testTarget(name: "PackageTests", dependencies: ["TestSupport"]),
    .target(name: "Settings"),
    .testTarget(name: "SettingsTests", dependencies: ["Settings", "YAMLSettings"]),
    .target(name: "Checkpoints", dependencies: ["Files", "Torch"]),
    .target(name: "CStamp"),
    .target(name: "CCommit", dependencies: ["CStamp"]),
    .target(name: "CSentencePiece", linkerSettings: [.linkedLibrary("sentencepiece")]),
    .target(
      name: "Imaging",
      dependencies: ["CVipsLoader", "Files", "Torch", .product(name: "CVips", package: "CVips")]),
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
    .executableTarget(
      name: "documentation-snippets",
      dependencies: [
        "Evaluation", "Imaging", "NSARM", "Prompts", "Settings", "Torch", "Upscaling",
      ],
      path: "Tests/DocumentationSnippets"),
    .testTarget(
      name: "DocumentationTests", dependencies: ["Imaging", "ModelTestSupport", "TestSupport"]),
    .executableTarget(
      name: "restore-photo", dependencies: ["Upscaling"], path: "Examples/Sources/restore-photo"),
    .executableTarget(
      name: "restore-rows", dependencies: ["Imaging", "NSARM"],
      path: "Examples/Sources/restore-rows"),
    .executableTarget(
      name: "restore-cancelled", dependencies: ["Upscaling"],
      path: "Examples/Sources/restore-cancelled"),
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
      name: "FormatTests", dependencies: ["Imaging", "NSARM", "TestSupport", "Torch", "Upscaling"],
      exclude: ["Fixtures"]),
    .testTarget(
      name: "CommandTests",
      dependencies: [
        "Checkpoints", "Files", "Imaging", "ModelTestSupport", "NSARM", "NSARMCommand",
        "ParityTestSupport", "Prompts", "Terminal", "TestSupport", "Torch", "TorchSaveSupport",
      ]),
    .target(name: "Upscaling", dependencies: ["Files", "Imaging", "NSARM", "Torch"]),
    .target(
      name: "Video",
      dependencies: ["Checkpoints", "Files", "Imaging", "NSARM", "Torch", "Upscaling"]),
    .testTarget(
      name: "VideoTests",
      dependencies: [
        "Files", "Imaging", "ModelTestSupport", "NSARM", "TestSupport", "Torch", "Upscaling",
        "Video",
      ]),
    .target(name: "Terminal"),
    // libpq is loaded when a server is asked for, so that nobody else needs it.
    .target(name: "CPostgres"),
    // The web app and the API's description, embedded into the program.
    .target(name: "CWebApp", exclude: ["app"]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(
      name: "Serving",
      dependencies: [
        "CPostgres", "CWebApp", "CZlib", "Files", "Imaging", "NSARM", "Terminal", "Torch",
        "Upscaling",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "Tracing", package: "swift-distributed-tracing"),
      ]),
    .testTarget(
      name: "ServingTests",
      dependencies: [
        "Client", "Files", "Imaging", "ModelTestSupport", "NSARM", "Serving", "TestSupport",
        "Torch", "Upscaling",
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "Tracing", package: "swift-distributed-tracing"),
      ]),
    .target(
      name: "Client",
      dependencies: [
        "Files", .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ]),
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
        "CCommit", "Checkpoints", "Client", "Evaluation", "Files", "ImageQuality",
        "Imaging", "NSARM", "Prompts", "Serving", "Settings", "Terminal", "Torch", "Training",
        "Upscaling", "Video", "YAMLSettings",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "Yams", package: "Yams"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)

// Tests are compiled faster without optimisation; what they test is optimised.
for target in package.targets where target.type == .test {
  target.swiftSettings = [.unsafeFlags(["-Onone", "-gline-tables-only"])]
}
