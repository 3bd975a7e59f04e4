import Foundation
import Imaging

/// A comparison of folders of restored pictures with references and inputs. Files with the same
/// name up to the extension belong together.
public struct FolderComparison {
  /// A method's name and the folder of its pictures.
  public typealias Method = (name: String, folder: PictureFolder)

  public let methods: [Method]
  public let reference, input: PictureFolder?
  /// The largest side of the centre crop of each picture in pixels; nil for whole pictures.
  public let crop: Int?
  private let suite: MetricSuite

  /// - Parameters:
  ///   - reference: the originals; without them, only metrics that need no reference are computed.
  ///   - input: the low-quality pictures, whose bicubic enlargement is scored with the methods.
  /// - Throws: `EvaluationError` where a method's name is taken, or no metric can be computed.
  public init(
    _ methods: [Method], reference: PictureFolder? = nil, input: PictureFolder? = nil,
    crop: Int? = nil, _ suite: MetricSuite
  ) throws {
    try EvaluationReport.check(
      names: methods.map(\.name),
      reserved: EvaluationReport.baseline, EvaluationReport.reference, EvaluationReport.input)
    guard reference != nil || suite.metrics.contains(where: { !$0.needsReference }) else {
      let titles = Metric.allCases.filter { !$0.needsReference }.map(\.title)
      let reasons = suite.unavailable.filter { titles.contains($0.title) }
      throw EvaluationError(
        "without references there is nothing to compute: "
          + reasons.map(\.reason).joined(separator: "; "), .noReferences)
    }
    self.methods = methods
    self.reference = reference
    self.input = input
    self.crop = crop
    self.suite = suite
  }

  /// An empty report for these folders.
  public var report: EvaluationReport {
    let folders =
      methods
      + [(EvaluationReport.reference, reference), (EvaluationReport.input, input)]
      .compactMap { name, folder in folder.map { (name, $0) } }
    return EvaluationReport(
      settings: EvaluationReport.Settings(
        suite, metrics: suite.metrics.filter { reference != nil || !$0.needsReference },
        crop: crop),
      notes: Dictionary(uniqueKeysWithValues: folders.map { ($0.0, $0.1.path) }),
      unavailable: suite.unavailable,
      methods: (input == nil ? [] : [EvaluationReport.baseline]) + methods.map(\.name)
        + (reference == nil ? [] : [EvaluationReport.reference]))
  }

  /// The sorted names, without extensions, of all pictures in any of the folders.
  public var stems: [String] {
    (methods.map(\.folder) + [reference, input].compactMap { $0 })
      .reduce(into: Set()) { $0.formUnion($1.stems) }.sorted()
  }

  /// Scores the pictures with one name.
  ///
  /// - Parameter earlier: an earlier result, whose figures are kept where their files have not
  ///   changed.
  /// - Returns: the figures, nil where the reference is missing or nothing can be read, and a line
  ///   for each file that is missing, damaged or of the wrong size.
  public func picture(_ stem: String, continuing earlier: EvaluationReport.Picture? = nil)
    -> (picture: EvaluationReport.Picture?, problems: [String])
  {
    let work = PictureComparison(stem: stem, crop: crop, earlier: earlier)
    if let reference { work.add(EvaluationReport.reference, reference) }
    for method in methods { work.add(method.name, method.folder) }
    if let input { work.add(EvaluationReport.input, input) }
    if reference == nil || work.has(EvaluationReport.reference) {
      work.score(methods.map(\.name), suite)
    }
    return (work.picture, work.problems)
  }

  /// The pictures of a report on these folders; see `PanelSource`.
  public func panel(_ picture: EvaluationReport.Picture, _ name: String) -> Image? {
    func read(_ role: String, _ limit: Int?, unit: Int) -> Image? {
      picture.sources[role].flatMap { try? ImageFile.readRGB($0.path) }?
        .centre(width: limit ?? .max, height: limit ?? .max, unit: unit)
    }
    guard let inputWidth = picture.inputWidth, inputWidth > 0 else {
      return name == EvaluationReport.input ? nil : read(name, crop, unit: 1)
    }
    let scale = max(1, picture.width / inputWidth)
    switch name {
    case EvaluationReport.input: return read(name, crop.map { $0 / scale }, unit: 1)
    case EvaluationReport.baseline:
      return read(EvaluationReport.input, crop.map { $0 / scale }, unit: 1)?.bicubic(scale)
    default: return read(name, crop, unit: scale)
    }
  }
}
