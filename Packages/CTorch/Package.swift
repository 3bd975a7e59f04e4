// swift-tools-version: 6.1
import Foundation
import PackageDescription

// The folder that `scripts/setup` fills: libtorch's headers in `include`, its libraries in `lib`.
let libtorch =
  ProcessInfo.processInfo.environment["NSARM_LIBTORCH"]
  ?? NSHomeDirectory() + "/.cache/nsarm/libtorch-2.13.0"

let package = Package(
  name: "CTorch",
  products: [.library(name: "CTorch", type: .dynamic, targets: ["CTorch"])],
  targets: [
    .target(
      name: "CTorch",
      cxxSettings: [
        .unsafeFlags([
          "-I\(libtorch)/include", "-I\(libtorch)/include/torch/csrc/api/include",
          // Some classes of libtorch's headers have other members without NDEBUG than in its library.
          "-O2", "-DNDEBUG", "-fvisibility=hidden", "-Wno-everything",
        ])
      ],
      linkerSettings: [
        .unsafeFlags(["-L\(libtorch)/lib", "-Xlinker", "-rpath=\(libtorch)/lib"]),
        .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
      ])
  ],
  cxxLanguageStandard: .cxx20
)
