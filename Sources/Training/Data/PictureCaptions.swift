import Prompts
import Torch

/// The caption of a sample.
public struct SampleCaption: Equatable, Sendable {
  public let text: String
  /// Whether the null text replaces it (classifier-free guidance; Ho and Salimans, 2022).
  public let isDropped: Bool

  public init(_ text: String, isDropped: Bool = false) {
    (self.text, self.isDropped) = (text, isDropped)
  }
}

/// The captions of a library's pictures in the recipe's `data.captions`.
struct PictureCaptions: Sendable {
  /// The captions by entry; empty without a file of captions.
  private let texts: [String?]
  private let dropout: Double
  private let shortening: CaptionShortening

  /// - Parameter warn: called with a line where pictures have no caption.
  /// - Throws: `PromptError` that names the file and the invalid line.
  init(
    _ settings: DataSettings, _ library: PhotoLibrary, warn: (String) -> Void
  ) throws {
    dropout = settings.captionDropout
    shortening = settings.captionShortening
    guard let path = settings.captions else {
      texts = []
      return
    }
    let file = try CaptionFile(path)
    texts = library.entries.map { $0.files.lazy.compactMap { file($0.path) }.first }
    let missing = texts.count { $0 == nil }
    if missing > 0 {
      warn("\(missing) of \(texts.count) pictures in \(library.folder) have no caption in \(path)")
    }
  }

  /// All texts that samples and validation pictures may have.
  var all: Set<String> {
    let texts = Set(texts.compactMap(\.self))
    return texts.union(texts.flatMap(shortening.texts))
  }

  /// The caption of an entry, never dropped, for validation.
  func whole(_ entry: Int) -> SampleCaption? {
    texts.isEmpty ? nil : texts[entry].map { SampleCaption($0) }
  }

  /// The caption of a sample, shortened and dropped with the recipe's probabilities; the sample's
  /// seed decides.
  func callAsFunction(_ entry: Int, seed: UInt64) -> SampleCaption? {
    guard !texts.isEmpty, let text = texts[entry] else { return nil }
    var random = RandomStream(seed, 0x6361_7074_696F_6E)
    let isDropped = random.chance(dropout)
    return SampleCaption(shortening(text, &random), isDropped: isDropped)
  }

  /// The combined fingerprint of the library and the captions.
  func fingerprint(_ library: UInt64) -> UInt64 {
    texts.reduce(library) { key, text in
      guard let text else { return RandomStream.key(key, 0) }
      return text.utf8.reduce(RandomStream.key(key, 1)) { RandomStream.key($0, UInt64($1)) }
    }
  }
}
