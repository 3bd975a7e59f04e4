import Imaging

/// The same window of the pictures of a pair, planar in 0...1.
struct PairCrop {
  /// `[3, scale · h, scale · w]` and `[3, h, w]`.
  let highQuality, lowQuality: [Float]
  let teacher: [Float]?

  /// The crop, a square of `side` high-quality pixels, in one of its eight orientations.
  func oriented(_ side: Int, scale: Int, _ orientation: Int) -> PairCrop {
    PairCrop(
      highQuality: Training.oriented(highQuality, side, orientation),
      lowQuality: Training.oriented(lowQuality, side / scale, orientation),
      teacher: teacher.map { Training.oriented($0, side, orientation) })
  }

  /// - Parameters:
  ///   - height: the height of the high-quality picture.
  ///   - width: its width.
  func trainingPair(
    scale: Int, height: Int, width: Int, seed: UInt64, caption: SampleCaption?
  ) -> TrainingPair {
    TrainingPair(
      scale: scale, highQuality: signed(highQuality), lowQuality: signed(lowQuality),
      teacher: teacher.map(signed), height: height, width: width, seed: seed,
      caption: caption)
  }
}

/// The pairs of a folder, cached after decoding within a memory budget.
struct PairLibrary: Sendable {
  private let library: PhotoLibrary
  private let scale: Int
  let hasTeacher: Bool

  /// - Parameters:
  ///   - smallest: the smallest side of a high-quality picture in pixels; smaller pairs are left
  ///     out.
  ///   - budget: the size of the cache of decoded pictures in bytes.
  /// - Throws: `TrainingError` where pictures do not match or no pair is left.
  init(
    _ folder: PairFolder, scale: Int, smallest: Int, budget: Int,
    warn: @escaping @Sendable (String) -> Void
  ) throws {
    self.scale = scale
    hasTeacher = folder.hasTeacher
    library = try PhotoLibrary(
      folder: folder.path, entries: folder.pairs(), smallest: smallest, budget: budget, warn: warn,
      check: { try folder.check($0, scale: scale) })
  }

  var folder: String { library.folder }
  var entries: [PhotoLibrary.Entry] { library.entries }
  var fingerprint: UInt64 { library.fingerprint }
  /// Whether every pair is damaged.
  var isExhausted: Bool { library.isExhausted }

  /// The captions of the pairs; any picture of a pair may have one.
  func captions(_ settings: DataSettings, warn: (String) -> Void) throws -> PictureCaptions {
    try PictureCaptions(settings, library, warn: warn)
  }

  /// The rectangle of a pair's low-quality picture.
  func lowQuality(_ index: Int) -> PixelRect {
    let file = entries[index].files[1]
    return PixelRect(width: file.width, height: file.height)
  }

  /// A window, given in low-quality pixels, of every picture of a pair; nil where a file is
  /// damaged.
  func crop(_ index: Int, _ window: PixelRect) -> PairCrop? {
    guard let pictures = library.pictures(index) else { return nil }
    let enlarged = window.scaled(by: scale)
    return PairCrop(
      highQuality: pictures[0].planes(enlarged).values,
      lowQuality: pictures[1].planes(window).values,
      teacher: hasTeacher ? pictures[2].planes(enlarged).values : nil)
  }
}
