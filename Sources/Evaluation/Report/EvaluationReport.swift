import Foundation

/// The measurements: the figures of every picture and method, from which everything else is
/// derived.
public struct EvaluationReport: Codable, Sendable {
  /// The method that others are compared with: bicubic enlargement of the input.
  public static let baseline = "bicubic"
  /// Lanczos interpolation, the other interpolation that methods are compared with.
  public static let lanczos = "lanczos"
  /// The name of the references' own figures, which exist only for metrics without a reference.
  public static let reference = "reference"
  /// The name of the low-quality picture among the panels of a crop.
  public static let input = "input"

  /// The settings that determine the figures; a report is only continued under the same settings.
  public struct Settings: Codable, Equatable, Sendable {
    /// The width in pixels of the border that metrics other than networks ignore.
    public var border: Int
    /// The largest side of the centre crop of each picture in pixels; nil for whole pictures.
    public var crop: Int?
    public var metrics: [Metric]
    /// Other settings by name, such as the kind of degradation.
    public var others: [String: String]

    /// - Parameter metrics: nil for all metrics of the suite.
    public init(
      _ suite: MetricSuite, metrics: [Metric]? = nil, crop: Int? = nil,
      others: [String: String] = [:]
    ) {
      border = suite.border
      self.crop = crop
      self.metrics = metrics ?? suite.metrics
      self.others = others
    }
  }

  /// The degradation of an input, where levels are compared.
  public struct Degradation: Codable, Hashable, Sendable {
    /// The kind, such as "blur".
    public var kind: String
    /// The level; higher is worse.
    public var level: Int

    public init(kind: String, level: Int) { (self.kind, self.level) = (kind, level) }
  }

  /// A picture and its figures by method.
  public struct Picture: Codable, Sendable {
    /// The name of the file, without the extension where several files belong together.
    public var file: String
    /// The picture's set; sets are summarised separately.
    public var set: String?
    public var degradation: Degradation?
    /// The seed of its degradation and restoration.
    public var seed: UInt64?
    /// The size of the restored pictures in pixels.
    public var width, height: Int
    /// The size of the input in pixels.
    public var inputWidth, inputHeight: Int?
    public var scores: [String: Scores] = [:]
    /// The time that each method took, in seconds.
    public var seconds: [String: Double] = [:]
    /// The files that the figures come from, by method, `reference` and `input`.
    public var sources: [String: FileStamp] = [:]

    private enum CodingKeys: String, CodingKey {
      case file, set, seed, width, height, inputWidth, inputHeight, scores, seconds, sources
      case degradation = "damage"
    }

    public init(
      file: String, set: String? = nil, degradation: Degradation? = nil, seed: UInt64? = nil,
      width: Int,
      height: Int
    ) {
      self.file = file
      self.set = set
      self.degradation = degradation
      self.seed = seed
      self.width = width
      self.height = height
    }
  }

  public var settings: Settings
  /// Descriptions of the methods and of the machine; shown, but not compared.
  public var notes: [String: String]
  public var unavailable: [UnavailableMetric]
  /// The methods in the order of tables, including the baseline and the reference where they have
  /// figures.
  public var methods: [String]
  public var pictures: [Picture] = []

  public init(
    settings: Settings, notes: [String: String] = [:], unavailable: [UnavailableMetric] = [],
    methods: [String]
  ) {
    self.settings = settings
    self.notes = notes
    self.unavailable = unavailable
    self.methods = methods
  }

  /// - Throws: `EvaluationError` where a method's name is empty, reserved or used twice.
  static func check(names: [String], reserved: String...) throws {
    var taken = Set(reserved + [""])
    for name in names where !taken.insert(name).inserted {
      throw EvaluationError("the name '\(name)' of a method is taken; choose another")
    }
  }

  /// The restoring methods, without interpolations and the reference.
  public var restoringMethods: [String] {
    methods.filter { ![Self.baseline, Self.lanczos, Self.reference].contains($0) }
  }

  /// The figures of one metric in the pictures' order; pictures without it are left out.
  public func values(_ method: String, _ metric: Metric) -> [Double] {
    pictures.compactMap { $0.scores[method]?[metric] }
  }

  /// A report for each set, in the order in which they occur.
  public var sets: [EvaluationReport] {
    var order: [String?] = []
    for picture in pictures where !order.contains(picture.set) { order.append(picture.set) }
    return order.map { set in
      var part = self
      part.pictures = pictures.filter { $0.set == set }
      return part
    }
  }
}

/// The state of a file, by which changes are detected.
public struct FileStamp: Codable, Equatable, Sendable {
  public let path: String
  /// The size in bytes.
  public let size: Int
  /// The modification time in seconds since 1970.
  public let modified: Double

  /// - Throws: `EvaluationError` where there is no such file.
  public init(_ path: String) throws {
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
      let size = attributes[.size] as? Int, let modified = attributes[.modificationDate] as? Date
    else { throw EvaluationError("\(path): no such file; check the path") }
    self.path = path
    self.size = size
    self.modified = modified.timeIntervalSince1970
  }
}
