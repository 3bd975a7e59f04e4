// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "CVips",
  products: [.library(name: "CVips", type: .dynamic, targets: ["CVips"])],
  targets: [
    .systemLibrary(
      // vips.pc has flags that SwiftPM refuses; what vips.h includes is GObject only.
      name: "CVipsSystem", pkgConfig: "gobject-2.0", providers: [.apt(["libvips-dev"])]),
    .target(
      name: "CVips", dependencies: ["CVipsSystem"],
      linkerSettings: [.linkedLibrary("vips"), .linkedLibrary("gmodule-2.0")]),
  ]
)
