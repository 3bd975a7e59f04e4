import Imaging
import TestSupport
import Testing

@Suite struct FormatTests {
  @Test func outputsAreFormatsFoldersOrErrors() throws {
    #expect(try ImageFormat.output(path: "x/photo.JPG") == .jpeg)
    #expect(try ImageFormat.output(path: "a.b/photo.tiff") == .tiff)
    for name in ["out", "out.d", "2024.05.01", "a.gif/out", ".png"] {
      #expect(try ImageFormat.output(path: name) == nil, "\(name)")
    }
    for (path, name) in [("a.gif", "GIF"), ("x/b.BMP", "BMP"), ("c.jp2", "JPEG 2000")] {
      #expect(throws: ImagingError.unwritableFormat(path: path, name: name)) {
        try ImageFormat.output(path: path)
      }
    }
    let message = ImagingError.unwritableFormat(path: "a.gif", name: "GIF").description
    #expect(
      message == "a.gif: cannot write GIF; use one of .jpg, .png, .webp, .tif, .avif, .jxl")
  }

  @Test func jpeg2000IsRead() throws {
    let folder = try ScratchFolder()
    let reader = try ImageFile.open(folder.write("a.jp2", MadeElsewhere.jpeg2000))
    #expect((reader.width, reader.height, reader.pageCount) == (8, 6, 1))
    #expect(reader.warnings == [])
    #expect(try Array(reader.image().bytes.suffix(3)) == [200, 40, 90])
  }

  @Test func extensionsOfPictures() {
    for suffix in ["jfif", "jpe", "jp2", "j2k", "bmp", "gif", "heic", "ppm"] {
      #expect(ImageFormat.readableExtensions.contains(suffix))
    }
    #expect(ImageFormat(path: "a.JFIF") == .jpeg)
    for suffix in ["psd", "ico", "cr2", "svg"] {
      #expect(!ImageFormat.readableExtensions.contains(suffix))
    }
  }

  /// Searching a folder finds every file that could be written.
  @Test func whatIsWrittenIsRead() {
    for format in ImageFormat.allCases {
      for suffix in format.fileExtensions {
        #expect(ImageFormat.readableExtensions.contains(suffix))
      }
    }
  }
}
