// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "CVips",
  products: [.library(name: "CVips", type: .dynamic, targets: ["CVips"])],
  targets: [
    .systemLibrary(
      // vips.pc has flags that SwiftPM refuses; what vips.h includes is GObject only.
      name: "CVipsSystem", pkgConfig: "gobject-2.0", providers: [.apt(["libvips-dev"])]),
    .systemLibrary(name: "CXmlSystem", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
    .target(
      // libjpeg, Little CMS, libxml2 and zlib are loaded with libvips, which uses them itself.
      name: "CVips", dependencies: ["CVipsSystem", "CXmlSystem"],
      linkerSettings: [
        .linkedLibrary("vips"), .linkedLibrary("gmodule-2.0"), .linkedLibrary("lcms2"),
        .linkedLibrary("z"), .linkedLibrary("jpeg"),
      ]),
  ]
)
