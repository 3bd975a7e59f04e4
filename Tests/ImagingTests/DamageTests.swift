import Foundation
import Imaging
import TestSupport
import Testing

/// Files that are not pictures, are damaged, or exceed the limits.
@Suite struct DamageTests {
  @Test func unreadableFilesAreReportedInOneLine() throws {
    let folder = try ScratchFolder()
    func put(_ name: String, _ data: Data) throws -> String {
      try data.write(to: URL(fileURLWithPath: folder(name)))
      return folder(name)
    }
    func error(_ path: String) -> ImagingError? {
      do {
        _ = try ImageFile.read(path)
        return nil
      } catch {
        return error as? ImagingError
      }
    }
    #expect(error(folder("none.png")) == .missing(path: folder("none.png")))
    #expect(error(folder.path) == .notAFile(path: folder.path))
    #expect(error("/dev/null") == .notAFile(path: "/dev/null"))
    let empty = try put("empty.jpg", Data())
    #expect(error(empty) == .empty(path: empty))
    let text = try put("text.png", Data("this is not a picture, whatever its name says\n".utf8))
    guard case .notAnImage = error(text) else { Issue.record("\(error(text)!)"); return }
    let svg = try put(
      "x.svg", Data("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>".utf8))
    guard case .notAnImage = error(svg) else {
      Issue.record("\(String(describing: error(svg)))"); return
    }
    for text in [error(empty), error(text)].compactMap({ $0?.description }) {
      #expect(!text.contains("\n") && text.contains(folder.path))
    }
  }

  /// libvips has one error message for all threads.
  @Test func errorsOfOtherThreadsChangeNothing() throws {
    let folder = try ScratchFolder()
    try Data("not a picture\n".utf8).write(to: URL(fileURLWithPath: folder("text.png")))
    try Image(noise(width: 20, height: 20, channels: 3)).write(to: folder("whole.png"))
    try Data(contentsOf: URL(fileURLWithPath: folder("whole.png"))).prefix(400)
      .write(to: URL(fileURLWithPath: folder("damaged.png")))
    DispatchQueue.concurrentPerform(iterations: 200) { index in
      do {
        _ = try ImageFile.read(folder(index % 2 == 0 ? "text.png" : "damaged.png"))
        Issue.record("a picture was read")
      } catch ImagingError.notAnImage {
        #expect(index % 2 == 0)
      } catch ImagingError.damaged {
        #expect(index % 2 == 1)
      } catch {
        Issue.record(error)
      }
    }
  }

  @Test(arguments: ImageFormat.allCases.filter(\.isWritable))
  func truncatedFilesAreReported(format: ImageFormat) throws {
    let folder = try ScratchFolder()
    let whole = folder("whole.\(format.fileExtensions[0])")
    try Image(noise(width: 200, height: 150, channels: 3)).write(to: whole)
    let data = try Data(contentsOf: URL(fileURLWithPath: whole))
    for kept in [12, data.count / 10, data.count / 2, data.count * 9 / 10] {
      let path = folder("cut.\(format.fileExtensions[0])")
      try data.prefix(kept).write(to: URL(fileURLWithPath: path))
      #expect(throws: ImagingError.self, "\(format): \(kept) of \(data.count) bytes") {
        try ImageFile.read(path)
      }
    }
  }

  @Test func sizeLimitsHoldBeforeDecoding() throws {
    let folder = try ScratchFolder()
    let path = folder("big.png")
    try Image(FloatImage(width: 3000, height: 40, channels: 1)).write(to: path)
    #expect(throws: ImagingError.self) {
      try ImageFile.open(path, options: ReadOptions(maximumDimension: 2999))
    }
    #expect(throws: ImagingError.self) {
      try ImageFile.open(path, options: ReadOptions(maximumPixels: 100_000))
    }
    #expect(try ImageFile.open(path).width == 3000)
    for (options, limit) in [
      (ReadOptions(maximumDimension: 2999), PixelLimit.side(2999)),
      (ReadOptions(maximumPixels: 100_000), .area(100_000)),
    ] {
      do {
        _ = try ImageFile.open(path, options: options)
      } catch ImagingError.tooLarge(_, _, _, let told) {
        #expect(told == limit)
      }
    }
  }
}
