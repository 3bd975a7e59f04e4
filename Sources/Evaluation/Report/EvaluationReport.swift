import Foundation

/// What was measured: the figures of every picture and method, from which all else follows.
public struct EvaluationReport: Codable, Sendable {
  /// The method that others are compared with: bicubic enlargement of the input.
  public static let baseline = "bicubic"
  /// Enlargement with Lanczos' window, the other interpolation that methods are compared with.
  public static let lanczos = "lanczos"
  /// Where the figures of the references themselves stand, which only metrics without a reference
  /// have.
  public static let reference = "reference"
  /// The low-quality picture among the panels of a crop.
  public static let input = "input"

  /// What decides the figures: a report is only continued under the same settings.
  public struct Settings: Codable, Equatable, Sendable {
    /// Pixels at the edges that metrics other than networks leave out.
    public var border: Int
    /// Largest side of the middle part that is used of each picture; nil for whole pictures.
    public var crop: Int?
    public var metrics: [Metric]
    /// Others by name, such as the kind of degradation.
    public var others: [String: String]

    /// - Parameter metrics: nil for all of the suite.
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

  /// How an input was damaged, where levels of damage are compared.
  public struct Damage: Codable, Hashable, Sendable {
    /// As "blur".
    public var kind: String
    /// Greater is worse.
    public var level: Int

    public init(kind: String, level: Int) { (self.kind, self.level) = (kind, level) }
  }

  /// A picture and its figures by method.
  public struct Picture: Codable, Sendable {
    /// The name of its file, or up to the extension where files of several names belong together.
    public var file: String
    /// The set it belongs to; pictures of different sets are summarised apart.
    public var set: String?
    public var damage: Damage?
    /// Of its degradation and restoration.
    public var seed: UInt64?
    /// Of the restored pictures, pixels.
    public var width, height: Int
    /// Of the input, pixels.
    public var inputWidth, inputHeight: Int?
    public var scores: [String: Scores] = [:]
    /// How long each method took.
    public var seconds: [String: Double] = [:]
    /// The files that the figures come from, by method, `reference` and `input`.
    public var sources: [String: FileStamp] = [:]

    public init(
      file: String, set: String? = nil, damage: Damage? = nil, seed: UInt64? = nil, width: Int,
      height: Int
    ) {
      self.file = file
      self.set = set
      self.damage = damage
      self.seed = seed
      self.width = width
      self.height = height
    }
  }

  public var settings: Settings
  /// What the methods are and where they ran; shown, but not compared.
  public var notes: [String: String]
  public var unavailable: [UnavailableMetric]
  /// In the order of tables; the baseline and the reference among them where they have figures.
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

  /// - Throws: `EvaluationError` where a method has no name, a reserved one or that of another.
  static func check(names: [String], reserved: String...) throws {
    var taken = Set(reserved + [""])
    for name in names where !taken.insert(name).inserted {
      throw EvaluationError("the name '\(name)' of a method is taken; choose another")
    }
  }

  /// The methods that restore: neither interpolations nor the reference.
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

/// The state of a file, to see whether it has changed.
public struct FileStamp: Codable, Equatable, Sendable {
  public let path: String
  /// Bytes.
  public let size: Int
  /// Seconds since 1970.
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
