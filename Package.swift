// swift-tools-version: 6.2
import PackageDescription

// The folder that `scripts/setup` fills: libtorch's headers in `include`, its libraries in `lib`.
let libtorch =
  Context.environment["NSARM_LIBTORCH"]
  ?? (Context.environment["HOME"] ?? "") + "/.cache/nsarm/libtorch-2.13.0"

// Programs that depend on a library have the code that calls libtorch and libvips linked in. The
// command loads it from libCTorch.so and libCVips.so, the first time that it is wanted.
let shims = ["CTorchShim", "CVipsShim"]

extension Target.Dependency {
  static func server(_ name: String, _ package: String) -> Target.Dependency {
    .product(name: name, package: package, condition: .when(traits: ["Server"]))
  }

  static func training(_ name: String, _ package: String) -> Target.Dependency {
    .product(name: name, package: package, condition: .when(traits: ["Training"]))
  }

  static func command(_ name: String, _ package: String) -> Target.Dependency {
    .product(name: name, package: package, condition: .when(traits: ["Command"]))
  }
}

let package = Package(
  name: "nsarm",
  products: [
    .executable(name: "nsarm", targets: ["NSARMCommand"]),
    .library(name: "CTorch", type: .dynamic, targets: ["CTorchShim"]),
    .library(name: "CVips", type: .dynamic, targets: ["CVipsShim"]),
    .library(name: "Training", targets: ["Training"] + shims),
    .library(name: "Upscaling", targets: ["Upscaling"] + shims),
    .library(name: "Video", targets: ["Video"] + shims),
    .library(name: "Imaging", targets: ["Imaging"] + shims),
    .library(name: "NSARM", targets: ["NSARM"] + shims),
    .library(name: "SuperResolution", targets: ["SuperResolution"] + shims),
    .library(name: "PublishedCheckpoints", targets: ["PublishedCheckpoints"] + shims),
    .library(name: "Torch", targets: ["Torch"] + shims),
    .library(name: "Degradations", targets: ["Degradations"] + shims),
    .library(name: "Checkpoints", targets: ["Checkpoints"] + shims),
    .library(name: "ImageQuality", targets: ["ImageQuality"] + shims),
    .library(name: "Evaluation", targets: ["Evaluation"] + shims),
    .library(name: "Prompts", targets: ["Prompts"] + shims),
    .library(name: "Serving", targets: ["Serving"] + shims),
    .library(name: "Client", targets: ["Client"]),
    .library(name: "Files", targets: ["Files"]),
  ],
  traits: [
    .default(enabledTraits: ["Command"]),
    .trait(
      name: "Command", description: "The command `nsarm`, with all that it can do.",
      enabledTraits: ["Server", "Training"]),
    .trait(name: "Server", description: "Serving: the web service, its queue and its client."),
    .trait(
      name: "Training", description: "Training and Evaluation, which are configured by YAML files."),
  ],
  dependencies: [
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
    .target(name: "CTorch", dependencies: ["CLazyLibrary"]),
    .target(
      name: "CTorchShim",
      cxxSettings: [
        .define("CTORCH_IMPLEMENTATION"),
        // Some classes of libtorch's headers have other members without NDEBUG than in its library.
        .define("NDEBUG"),
        .headerSearchPath("../CTorch/include"), .headerSearchPath("../CLazyLibrary/include"),
        .unsafeFlags([
          "-isystem\(libtorch)/include", "-isystem\(libtorch)/include/torch/csrc/api/include",
          "-O2",
          "-fvisibility=hidden", "-Wall", "-Wextra",
        ]),
      ],
      linkerSettings: [
        .unsafeFlags(["-L\(libtorch)/lib", "-Xlinker", "-rpath=\(libtorch)/lib"]),
        .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
      ]),
    .target(name: "CVips", dependencies: ["CLazyLibrary"]),
    // vips.pc has flags that SwiftPM refuses. Of the headers that vips.h includes only GObject's need
    // flags.
    .systemLibrary(
      name: "CVipsSystem", pkgConfig: "gobject-2.0", providers: [.apt(["libvips-dev"])]),
    .systemLibrary(name: "CXmlSystem", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
    .target(
      // libjpeg, Little CMS, libxml2 and zlib are loaded with libvips, which uses them itself.
      name: "CVipsShim", dependencies: ["CVipsSystem", "CXmlSystem"],
      cSettings: [
        .define("CVIPS_IMPLEMENTATION"),
        .headerSearchPath("../CVips/include"), .headerSearchPath("../CLazyLibrary/include"),
      ],
      linkerSettings: [
        .linkedLibrary("vips"), .linkedLibrary("gmodule-2.0"), .linkedLibrary("lcms2"),
        .linkedLibrary("z"), .linkedLibrary("jpeg"),
      ]),
    .target(name: "Torch", dependencies: ["CTorch"]),
    .systemLibrary(
      name: "CGLib", pkgConfig: "glib-2.0",
      providers: [.apt(["libglib2.0-dev"])]),
    .target(name: "CMappedMemory"),
    .target(name: "Files", dependencies: ["CGLib", "CMappedMemory"]),
    .testTarget(name: "FilesTests", dependencies: ["Files", "TestSupport"]),
    .testTarget(name: "PackageTests", dependencies: ["TestSupport"]),
    .target(name: "Settings"),
    .target(name: "Pages"),
    .testTarget(name: "SettingsTests", dependencies: ["Settings", "YAMLSettings"]),
    .target(name: "Checkpoints", dependencies: ["Files", "Torch"]),
    .target(name: "CStamp"),
    .target(name: "CCommit", dependencies: ["CStamp"]),
    .target(name: "CSentencePiece", linkerSettings: [.linkedLibrary("sentencepiece")]),
    .target(
      name: "Imaging",
      dependencies: ["CVips", "Files", "Torch"]),
    .target(name: "NSARM", dependencies: ["Checkpoints", "Files", "Settings", "Torch"]),
    .target(
      name: "SuperResolution",
      dependencies: ["NSARM", "Torch"]),
    .target(
      name: "PublishedCheckpoints",
      dependencies: ["Checkpoints", "Files", "NSARM", "Settings", "Torch"]),
    .target(
      name: "Prompts",
      dependencies: ["CSentencePiece", "Checkpoints", "Files", "Imaging", "NSARM", "Torch"]),
    .testTarget(
      name: "PromptsTests",
      dependencies: [
        "Checkpoints", "Imaging", "ModelTestSupport", "NSARM", "Prompts", "PublishedCheckpoints",
        "TestSupport", "Torch",
      ],
      exclude: ["Fixtures"]),
    .target(
      name: "YAMLSettings", dependencies: ["Settings", .training("Yams", "Yams")]),
    .target(
      name: "TestSupport", dependencies: ["Imaging", "Torch"], path: "Tests/TestSupport"),
    .testTarget(
      name: "ImagingTests", dependencies: ["Files", "Imaging", "TestSupport", "Torch"]),
    .testTarget(
      name: "ParityTests",
      dependencies: [
        "Degradations", "Imaging", "ModelTestSupport", "NSARM", "ParityTestSupport", "TestSupport",
        "Torch",
      ]),
    .target(
      name: "ParityTestSupport",
      dependencies: ["NSARM", "SuperResolution", "TestSupport", "Torch"],
      path: "Tests/ParityTestSupport"),
    .target(
      name: "TorchSaveSupport", dependencies: ["Files", "Torch"], path: "Tests/TorchSaveSupport"),
    .testTarget(
      name: "PublishedTests",
      dependencies: [
        "Checkpoints", "Files", "NSARM", "ParityTestSupport", "PublishedCheckpoints",
        "SuperResolution", "TestSupport", "Torch", "TorchSaveSupport",
      ]),
    .executableTarget(
      name: "random-checkpoint",
      dependencies: ["NSARM", "PublishedCheckpoints", "Torch", "TorchSaveSupport"],
      path: "Benchmarks/RandomCheckpoint"),
    .executableTarget(
      name: "documentation-snippets",
      dependencies: [
        "Evaluation", "Imaging", "NSARM", "Prompts", "Settings", "SuperResolution", "Torch",
        "Upscaling",
      ],
      path: "Tests/DocumentationSnippets"),
    .testTarget(
      name: "DocumentationTests", dependencies: ["Imaging", "ModelTestSupport", "TestSupport"]),
    .executableTarget(
      name: "restore-photo", dependencies: ["Upscaling"], path: "Examples/Sources/restore-photo"),
    .executableTarget(
      name: "restore-rows", dependencies: ["Imaging", "NSARM", "SuperResolution"],
      path: "Examples/Sources/restore-rows"),
    .executableTarget(
      name: "restore-cancelled", dependencies: ["Upscaling"],
      path: "Examples/Sources/restore-cancelled"),
    .testTarget(name: "TorchTests", dependencies: ["TestSupport", "Torch"]),
    .target(name: "Degradations", dependencies: ["Imaging", "Settings", "Torch"]),
    .testTarget(
      name: "DegradationsTests", dependencies: ["Degradations", "Imaging", "Settings", "Torch"]),
    .testTarget(
      name: "CheckpointsTests", dependencies: ["Checkpoints", "TestSupport", "Torch"],
      exclude: ["Fixtures"]),
    .target(name: "ImageQuality", dependencies: ["Checkpoints", "Torch"]),
    .testTarget(name: "ImageQualityTests", dependencies: ["ImageQuality", "TestSupport", "Torch"]),
    .target(
      name: "ModelTestSupport", dependencies: ["Checkpoints", "NSARM", "TestSupport", "Torch"],
      path: "Tests/ModelTestSupport"),
    .testTarget(
      name: "NSARMTests",
      dependencies: [
        "Checkpoints", "ModelTestSupport", "NSARM", "PublishedCheckpoints", "Settings",
        "SuperResolution", "TestSupport", "Torch",
      ]),
    .testTarget(
      name: "UpscalingTests",
      dependencies: [
        "ImageQuality", "Imaging", "ModelTestSupport", "NSARM", "SuperResolution", "TestSupport",
        "Torch", "Upscaling",
      ]),
    .testTarget(
      name: "FormatTests",
      dependencies: ["Imaging", "NSARM", "SuperResolution", "TestSupport", "Upscaling"],
      exclude: ["Fixtures"]),
    .testTarget(
      name: "CommandTests",
      dependencies: [
        "Checkpoints", "Files", "Imaging", "ModelTestSupport", "NSARM", "NSARMCommand",
        "ParityTestSupport", "Prompts", "PublishedCheckpoints", "Terminal", "TestSupport", "Torch",
        "TorchSaveSupport",
      ]),
    .target(
      name: "Upscaling", dependencies: ["Files", "Imaging", "NSARM", "SuperResolution", "Torch"]),
    .target(
      name: "Video",
      dependencies: [
        "Checkpoints", "Files", "ImageQuality", "Imaging", "NSARM", "SuperResolution", "Torch",
        "Upscaling",
      ]),
    .testTarget(
      name: "VideoTests",
      dependencies: [
        "Files", "ImageQuality", "Imaging", "ModelTestSupport", "NSARM", "SuperResolution",
        "TestSupport", "Torch", "Upscaling", "Video",
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
        "CPostgres", "CWebApp", "CZlib", "Files", "Imaging", "NSARM", "SuperResolution", "Torch",
        "Upscaling", .server("AsyncHTTPClient", "async-http-client"),
        .server("CoreMetrics", "swift-metrics"), .server("GRDB", "GRDB.swift"),
        .server("HTTPTypes", "swift-http-types"), .server("Hummingbird", "hummingbird"),
        .server("Logging", "swift-log"), .server("Metrics", "swift-metrics"),
        .server("NIOCore", "swift-nio"), .server("NIOHTTP1", "swift-nio"),
        .server("NIOHTTPTypes", "swift-nio-extras"), .server("NIOPosix", "swift-nio"),
        .server("ServiceLifecycle", "swift-service-lifecycle"),
        .server("Tracing", "swift-distributed-tracing"),
      ]),
    .testTarget(
      name: "ServingTests",
      dependencies: [
        "Client", "Files", "Imaging", "ModelTestSupport", "NSARM", "Serving", "SuperResolution",
        "TestSupport", "Torch", "Upscaling", .server("HTTPTypes", "swift-http-types"),
        .server("InMemoryTracing", "swift-distributed-tracing"), .server("Logging", "swift-log"),
        .server("ServiceLifecycle", "swift-service-lifecycle"),
        .server("Tracing", "swift-distributed-tracing"),
      ]),
    .target(
      name: "Client",
      dependencies: [
        "Files", .server("AsyncHTTPClient", "async-http-client"), .server("NIOCore", "swift-nio"),
        .server("NIOHTTP1", "swift-nio"),
      ]),
    .target(
      name: "Training",
      dependencies: [
        "Checkpoints", "Degradations", "Files", "ImageQuality", "Imaging", "NSARM", "Pages",
        "Prompts", "Settings", "SuperResolution", "Terminal", "Torch", "YAMLSettings",
        .training("Yams", "Yams"),
      ]),
    .testTarget(
      name: "TrainingTests",
      dependencies: [
        "Degradations", "Files", "ImageQuality", "Imaging", "ModelTestSupport", "NSARM", "Prompts",
        "TestSupport", "Torch", "Training", .training("Yams", "Yams"),
      ]),
    .target(
      name: "Evaluation",
      dependencies: [
        "Degradations", "Files", "ImageQuality", "Imaging", "NSARM", "Pages", "Settings",
        "SuperResolution", "Torch", "Upscaling", "YAMLSettings",
      ]),
    .testTarget(
      name: "EvaluationTests",
      dependencies: [
        "Evaluation", "Files", "ImageQuality", "Imaging", "ModelTestSupport", "NSARM", "Pages",
        "SuperResolution", "TestSupport", "Torch",
      ]),
    .executableTarget(
      name: "NSARMCommand",
      dependencies: [
        "CCommit", "Checkpoints", "Client", "Evaluation", "Files", "ImageQuality",
        "Imaging", "NSARM", "Prompts", "PublishedCheckpoints", "Serving", "Settings",
        "SuperResolution", "Terminal", "Torch", "Training", "Upscaling", "Video", "YAMLSettings",
        .command("ArgumentParser", "swift-argument-parser"), .server("Logging", "swift-log"),
        .server("ServiceLifecycle", "swift-service-lifecycle"), .training("Yams", "Yams"),
      ]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx20
)

// Tests are compiled faster without optimisation; what they test is optimised.
for target in package.targets where target.type == .test {
  target.swiftSettings = [.unsafeFlags(["-Onone", "-gline-tables-only"])]
}
