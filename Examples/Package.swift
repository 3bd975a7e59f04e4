// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "examples",
  dependencies: [.package(name: "nsarm", path: "..", traits: [])],
  targets: [
    .executableTarget(
      name: "restore-photo", dependencies: [.product(name: "Upscaling", package: "nsarm")]),
    .executableTarget(
      name: "restore-rows",
      dependencies: [
        .product(name: "Imaging", package: "nsarm"), .product(name: "NSARM", package: "nsarm"),
        .product(name: "SuperResolution", package: "nsarm"),
      ]),
    .executableTarget(
      name: "restore-cancelled", dependencies: [.product(name: "Upscaling", package: "nsarm")]),
  ],
  swiftLanguageModes: [.v6]
)
