import Files
import Foundation
import Imaging

/// What a run shows of itself while it goes on: the page `curves.html` and the event files for
/// TensorBoard. Both are made from the run's logs, so that a resumed run has all of its history.
final class RunPages {
  /// The least number of seconds between two versions of the page.
  static let pause = 30.0

  private let folder: String
  private let settings: TrainingRecipe.Settings
  private var updates, validations: LogReader
  private var history = RunHistory()
  private var pictures: PreviewPictures
  private let events: EventFile
  private var newestPreview: Int
  private var written = Date.distantPast

  /// - Parameters:
  ///   - folder: the run's folder, whose logs end with update `step`.
  ///   - step: the number of finished updates.
  /// - Throws: `TrainingError.unwritable`.
  init(folder: String, settings: TrainingRecipe.Settings, step: Int) throws {
    self.folder = folder
    self.settings = settings
    updates = LogReader(folder + "/log.jsonl")
    validations = LogReader(folder + "/validation.jsonl")
    pictures = PreviewPictures(folder: folder + "/previews")
    newestPreview = pictures.steps.last ?? 0
    events = try EventFile(folder: folder + "/tensorboard", from: step + 1)
    try readLogs { _ in }
  }

  /// Takes what the logs and the previews have gained, and writes the page if its time has come.
  /// - Parameters:
  ///   - elapsed: the seconds of training in all runs so far.
  ///   - isDue: whether to write the page now, as after a validation and at the end.
  /// - Throws: `TrainingError.unwritable`.
  func update(elapsed: Double, isDue: Bool) throws {
    try readLogs(record)
    try recordPreview()
    guard isDue || -written.timeIntervalSinceNow >= Self.pause else { return }
    written = Date()
    let page = CurvesPage(
      history: history, settings: settings, elapsed: elapsed, pictures: pictures.pictures(),
      date: written)
    let path = folder + "/curves.html"
    try writing(path) { try AtomicFile.write(Data(page.html.utf8), to: path) }
  }

  private func readLogs(_ body: ([RunHistory.Value]) throws -> Void) throws {
    try updates.read { try body(history.addUpdate($0)) }
    try validations.read { try body(history.addValidation($0)) }
  }

  private func record(_ values: [RunHistory.Value]) throws {
    guard let step = values.first?.step else { return }
    let scalars = values.map { ($0.tag, $0.number) }.sorted { $0.0 < $1.0 }
    try events.append(
      EventMessage.scalars(scalars, step: step, wallTime: Date().timeIntervalSince1970))
  }

  private func recordPreview() throws {
    guard let step = pictures.steps.last, step > newestPreview else { return }
    newestPreview = step
    let path = PreviewPictures.path(folder + "/previews", step: step)
    guard let file = FileManager.default.contents(atPath: path),
      let picture = try? ImageFile.open(path)
    else { return }
    try events.append(
      EventMessage.image(
        file, tag: "preview", width: picture.width, height: picture.height, step: step,
        wallTime: Date().timeIntervalSince1970))
  }
}
