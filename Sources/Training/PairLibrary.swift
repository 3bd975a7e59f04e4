import Imaging

/// The same window of the pictures of a pair, planar in 0...1.
struct PairCrop {
  /// `[3, 4h, 4w]`, `[3, h, w]` and `[3, 4h, 4w]`.
  let highQuality, lowQuality: [Float]
  let teacher: [Float]?

  /// The crop, a square of `side` high-quality pixels, in one of its eight orientations.
  func oriented(_ side: Int, _ orientation: Int) -> PairCrop {
    PairCrop(
      highQuality: Training.oriented(highQuality, side, orientation),
      lowQuality: Training.oriented(lowQuality, side / Sample.scale, orientation),
      teacher: teacher.map { Training.oriented($0, side, orientation) })
  }

  /// - Parameters:
  ///   - height: of the high-quality picture.
  ///   - width: likewise.
  func sample(height: Int, width: Int, seed: UInt64) -> Sample {
    Sample(
      highQuality: signed(highQuality), lowQuality: signed(lowQuality),
      teacher: teacher.map(signed), height: height, width: width, seed: seed)
  }
}

/// The pairs of a folder, decoded once and kept within a budget.
struct PairLibrary: Sendable {
  private let library: PhotoLibrary
  let hasTeacher: Bool

  /// - Parameters:
  ///   - smallest: pairs whose high-quality picture has a shorter side are left out.
  ///   - budget: bytes of decoded pictures that are kept.
  /// - Throws: `TrainingError` where pictures do not fit together or nothing is left.
  init(
    _ folder: PairFolder, smallest: Int, budget: Int, warn: @escaping @Sendable (String) -> Void
  ) throws {
    hasTeacher = folder.hasTeacher
    library = try PhotoLibrary(
      folder: folder.path, entries: folder.pairs(), smallest: smallest, budget: budget, warn: warn,
      check: folder.check)
  }

  var folder: String { library.folder }
  var entries: [PhotoLibrary.Entry] { library.entries }
  /// Whether every pair is damaged.
  var isExhausted: Bool { library.isExhausted }

  /// The low-quality picture of a pair, as a rectangle.
  func lowQuality(_ index: Int) -> PixelRect {
    let file = entries[index].files[1]
    return PixelRect(width: file.width, height: file.height)
  }

  /// A window, given in low-quality pixels, of every picture of a pair; nil where a file is damaged.
  func crop(_ index: Int, _ window: PixelRect) -> PairCrop? {
    guard let pictures = library.pictures(index) else { return nil }
    let enlarged = window.scaled(by: Sample.scale)
    return PairCrop(
      highQuality: pictures[0].planes(enlarged).values,
      lowQuality: pictures[1].planes(window).values,
      teacher: hasTeacher ? pictures[2].planes(enlarged).values : nil)
  }
}
