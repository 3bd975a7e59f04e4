import Foundation

/// Work that processes on any number of machines share through a folder that all of them see.
///
/// A unit of work is claimed by one process at a time. A process that gives no sign of life for the
/// lease loses its claims to the others, and what it reports later counts for nothing. Processes
/// may come and go; a later one goes on with what is missing. No clock is compared with that of
/// another machine.
///
/// Units must be such that doing one twice does no harm, as where a file appears under its name by
/// `AtomicFile` without replacing another: a process that was cut off may still be at one that has
/// been given to another.
public final class WorkShare {
  /// A unit of work that this process has to do.
  public struct Claim {
    /// The place of the unit among all.
    public let index: Int
    /// The worker that began with the unit and has gone; nil: this is the first.
    public let abandonedBy: ShareWorker?
    /// The number of the claim, which grows with every one on the same unit.
    public let number: Int
    fileprivate let key: String
  }

  /// The end of a unit's work.
  public struct Outcome: Sendable {
    public enum State: String, Sendable { case done, skipped, failed }

    public let state: State
    public let worker: ShareWorker
    /// What the worker told of the unit.
    public let payload: String?
  }

  /// The name of the folder of a share, in the folder of the results.
  public static let folderName = ".nsarm-share"

  public let worker: ShareWorker
  private let journal: ShareJournal
  private let heartbeat: ShareHeartbeat
  private var silence: ShareSilence
  private let pause: Double
  private var lastRefresh = SuspendingClock.now

  private struct Unit {
    let key: String
    /// The number of the last entry that is known.
    var last = 0
    var entry: ShareJournal.Entry?
    /// Whether the work of an earlier run is to be done again.
    var isReopened = false
    /// The worker whose claim has been given up.
    var abandonedBy: ShareWorker?

    var isEnded: Bool {
      guard let entry, !isReopened else { return false }
      return entry.state != .claimed && entry.state != .released
    }
    var isFree: Bool { !isEnded && entry?.state != .claimed }
  }

  private var units: [Unit]
  /// The places of the units in the order in which this worker tries them.
  private let order: [Int]

  /// Joins the work, or begins it.
  ///
  /// - Parameters:
  ///   - folder: the folder of the results, in which the share has a hidden one.
  ///   - settings: everything that results depend on, by name.
  ///   - units: texts that tell the units of work apart; the same in all processes.
  ///   - rank: the place of this process among `size`, which decides where it begins.
  ///   - lease: the seconds without a sign of life after which a process has lost its claims.
  ///   - isMissing: whether the result of a unit that an earlier run has done or skipped is no
  ///     longer there.
  /// - Throws: `FileError`; `WorkShareError` where the work was begun with other settings.
  public init(
    _ folder: String, settings: [String: String], units: [String], rank: Int, of size: Int,
    lease: Double, isMissing: (Int) -> Bool = { _ in false }
  ) throws {
    journal = try ShareJournal("\(folder)/\(Self.folderName)")
    worker = ShareWorker(rank: rank)
    silence = ShareSilence(lease: lease)
    pause = min(0.5, lease / 10)
    self.units = units.map { Unit(key: Self.key($0)) }
    let start = units.count * rank / max(size, 1)
    order = units.indices.map { ($0 + start) % units.count }
    try Self.check(settings, journal.folder)
    heartbeat = try ShareHeartbeat(journal.folder, worker, interval: min(2, lease / 6))
    try refresh()
    for index in self.units.indices where self.units[index].isEnded {
      let state = self.units[index].entry?.state
      self.units[index].isReopened = state == .failed || isMissing(index)
    }
  }

  deinit { heartbeat.end() }

  /// Claims the next unit; waits while others have all that are left.
  ///
  /// - Parameter isStopped: asked while it waits.
  /// - Returns: nil once the work of all units has ended.
  /// - Throws: `FileError`; `CancellationError` where it was stopped.
  public func next(isStopped: () -> Bool = { false }) throws -> Claim? {
    while true {
      if isStopped() { throw CancellationError() }
      // So that units are seldom tried that others have, and progress is that of all.
      if SuspendingClock.now - lastRefresh > .seconds(2) { try refresh() }
      for index in order where units[index].isFree {
        if let claim = try claim(index) { return claim }
        if isStopped() { throw CancellationError() }
      }
      try refresh()
      if units.allSatisfy(\.isEnded) { return nil }
      if units.contains(where: \.isFree) { continue }
      let holders = Set(units.filter { !$0.isEnded }.compactMap { $0.entry?.worker })
      let silent = silence.silent(
        try Dictionary(
          uniqueKeysWithValues: holders.map { ($0, try ShareHeartbeat.last(journal.folder, $0)) }))
      for index in order where !units[index].isEnded {
        guard let holder = units[index].entry?.worker, silent.contains(holder) else { continue }
        units[index].abandonedBy = holder
        if let claim = try claim(index) { return claim }
      }
      Thread.sleep(forTimeInterval: pause)
    }
  }

  /// Whether a unit still is this process's, as far as can be told without asking a server of
  /// files: work on one that is not is in vain.
  public func holds(_ claim: Claim) -> Bool { !journal.has(claim.key, claim.number + 1) }

  /// Ends the work of a unit.
  /// - Returns: false where the claim has been lost, and the outcome counts for nothing.
  /// - Throws: `FileError`.
  @discardableResult
  public func finish(_ claim: Claim, _ state: Outcome.State, payload: String? = nil) throws -> Bool
  {
    let state = ShareJournal.Entry.State(rawValue: state.rawValue)!
    return try append(.init(state: state, worker: worker, payload: payload), claim)
  }

  /// Gives a unit back, for the next who asks.
  /// - Throws: `FileError`.
  public func release(_ claim: Claim) throws {
    _ = try append(.init(state: .released, worker: worker), claim)
  }

  /// The outcomes of all units, nil where the work has not ended.
  public var outcomes: [Outcome?] {
    units.map { unit in
      guard unit.isEnded, let entry = unit.entry,
        let state = Outcome.State(rawValue: entry.state.rawValue)
      else { return nil }
      return Outcome(state: state, worker: entry.worker, payload: entry.payload)
    }
  }

  /// The number of units whose work has ended, as far as this process knows.
  public var endedCount: Int { units.count(where: \.isEnded) }

  /// Ends this process's part. Its claims are lost after the lease.
  public func end() { heartbeat.end() }

  private func claim(_ index: Int) throws -> Claim? {
    let number = units[index].last + 1
    let entry = ShareJournal.Entry(state: .claimed, worker: worker)
    guard try journal.append(entry, units[index].key, number) else {
      try refresh(index, from: number)
      return nil
    }
    (units[index].last, units[index].entry, units[index].isReopened) = (number, entry, false)
    return Claim(
      index: index, abandonedBy: units[index].abandonedBy, number: number, key: units[index].key)
  }

  private func append(_ entry: ShareJournal.Entry, _ claim: Claim) throws -> Bool {
    let isOurs = try journal.append(entry, claim.key, claim.number + 1)
    if isOurs {
      (units[claim.index].last, units[claim.index].entry) = (claim.number + 1, entry)
    } else {
      try refresh(claim.index, from: claim.number + 1)
    }
    return isOurs
  }

  /// Reads what others have appended.
  private func refresh() throws {
    lastRefresh = .now
    let last = try journal.last()
    for index in units.indices {
      if let number = last[units[index].key], number > units[index].last {
        try refresh(index, from: number)
      }
    }
  }

  /// - Parameter number: that of an entry which is there.
  private func refresh(_ index: Int, from number: Int) throws {
    var number = number
    while journal.has(units[index].key, number + 1) { number += 1 }
    units[index].entry = try journal.entry(units[index].key, number)
    (units[index].last, units[index].isReopened) = (number, false)
  }

  private static func key(_ text: String) -> String {
    let sum = Checksum(.sha256)
    Data(text.utf8).withUnsafeBytes { sum.update($0) }
    return String(sum.digits.prefix(32))
  }

  private static func check(_ settings: [String: String], _ folder: String) throws {
    let path = "\(folder)/settings.json"
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard try !ShareJournal.create(path, try encoder.encode(settings)) else { return }
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path)),
      let earlier = try? JSONDecoder().decode([String: String].self, from: data)
    else { throw WorkShareError.damaged(folder: folder) }
    let names = Set(settings.keys).union(earlier.keys).filter { settings[$0] != earlier[$0] }
    guard names.isEmpty else {
      throw WorkShareError.otherSettings(
        folder: folder,
        differences: names.sorted().map {
          "\($0) \(earlier[$0] ?? "not given"), now \(settings[$0] ?? "not given")"
        })
    }
  }
}

/// Why work cannot be shared, in one line with the remedy.
public enum WorkShareError: LocalizedError, CustomStringConvertible, Equatable, Sendable {
  case otherSettings(folder: String, differences: [String])
  case damaged(folder: String)

  public var description: String {
    switch self {
    case .otherSettings(let folder, let differences):
      "\(folder): this work was begun with other settings (\(differences.joined(separator: "; ")));"
        + " give the same, choose another folder, or remove this one when no worker runs"
    case .damaged(let folder):
      "\(folder): settings.json is no file of this version; remove the folder when no worker runs"
    }
  }

  public var errorDescription: String? { description }
}
