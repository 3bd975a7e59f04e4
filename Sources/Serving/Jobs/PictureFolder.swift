import Files
import Foundation

/// Pictures as files of a folder, named after the job and the kind. They are put in by renaming and
/// read in place.
struct PictureFolder: PictureStorage {
  private let path: String
  let scratch: String?

  /// Free space to leave besides a fiftieth of the disk, for the database and its log.
  private static let reserve = 32 << 20
  private static let partSize = 1 << 20
  /// The time for which a file without a job is kept, since its job may be about to be added, in
  /// seconds.
  private static let grace = 3600.0

  /// - Parameter folder: the database's folder; what is created in it is readable by its owner
  ///   only.
  /// - Throws: `FileError` if the folder is not writable.
  init(beside folder: String) throws {
    path = folder + "/pictures"
    scratch = folder + "/work"
    for folder in [path, scratch!] {
      try createFolder(folder, permissions: 0o700)
      chmod(folder, 0o700)
    }
  }

  private func file(_ key: PictureKey) -> String { "\(path)/\(key.job).\(key.kind.rawValue)" }

  func requireRoom(for bytes: Int) throws {
    try FreeSpace.require(bytes + Self.reserve, at: path + "/picture", besides: 0.02)
  }

  func put(_ source: String, _ key: PictureKey, _ db: any SQLConnection) throws -> Int {
    let target = file(key)
    // A hard link: the source remains if the transaction fails.
    let name = "\(target).\(UUID().uuidString)"
    if link(source, name) == 0 {
      chmod(name, 0o600)
      guard rename(name, target) == 0 else {
        unlink(name)
        throw FileError.system(target)
      }
      unlink(name)  // still there if both are the same file already
    } else {
      guard access(source, R_OK) == 0 else { throw FileError.system(source) }
      try copy(source, to: target)
    }
    try synchronize()
    return try Self.size(target) ?? 0
  }

  /// Writes a picture from the chunks that `part` returns for 0, 1, ... until nil.
  func put(_ key: PictureKey, _ db: any SQLConnection, part: (Int) throws -> Data?) throws {
    let output = try AtomicFile(file(key))
    defer { output.discard() }
    var number = 0
    while let bytes = try part(number) {
      try bytes.withUnsafeBytes { try output.write($0) }
      number += 1
    }
    try output.commit()
    chmod(file(key), 0o600)
  }

  func duplicate(_ key: PictureKey, for job: String, _ db: any SQLConnection) throws {
    let target = file(PictureKey(job: job, kind: key.kind))
    guard link(file(key), target) == 0 else {
      if errno == ENOENT { throw JobError.missing }
      return try copy(file(key), to: target)
    }
    try synchronize()
  }

  func size(_ key: PictureKey, _ database: any Database) async throws -> Int? {
    try Self.size(file(key))
  }

  func read(
    _ key: PictureKey, _ range: Range<Int>, _ database: any Database,
    _ take: (Data) async throws -> Void
  ) async throws {
    // An open file can be read to its end even if it is unlinked meanwhile.
    guard let handle = FileHandle(forReadingAtPath: file(key)) else { throw JobError.missing }
    defer { try? handle.close() }
    try handle.seek(toOffset: UInt64(range.lowerBound))
    var left = range.count
    while left > 0 {
      let count = min(left, Self.partSize)
      guard let part = try await BlockingWork.run({ try handle.read(upToCount: count) }),
        !part.isEmpty
      else {
        throw JobError.missing
      }
      try await take(part)
      left -= part.count
    }
  }

  func withFile<Value>(
    _ key: PictureKey, _ database: any Database, _ body: (String) async throws -> Value
  ) async throws -> Value {
    guard try Self.size(file(key)) != nil else { throw JobError.missing }
    return try await body(file(key))
  }

  func remove(_ jobs: [String], _ db: any SQLConnection) {}

  func didRemove(_ jobs: [String]) {
    for job in jobs {
      for kind in JobFiles.Kind.allCases { unlink(file(PictureKey(job: job, kind: kind))) }
    }
  }

  func sweep(_ database: any Database) async throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: path)
    let jobs = Set(
      try await database.read { db in
        try db.run("SELECT id FROM nsarm_jobs").compactMap { $0.text("id") }
      })
    for name in names {
      guard let job = name.split(separator: ".").first.map(String.init), !jobs.contains(job) else {
        continue
      }
      var status = stat()
      let file = "\(path)/\(name)"
      guard stat(file, &status) == 0 else { continue }
      let changed = status.st_mtim.tv_sec
      if Double(time(nil) - changed) > Self.grace { unlink(file) }
    }
  }

  private func copy(_ source: String, to target: String) throws {
    guard let input = FileHandle(forReadingAtPath: source) else { throw FileError.system(source) }
    defer { try? input.close() }
    let output = try AtomicFile(target)
    defer { output.discard() }
    while let part = try input.read(upToCount: Self.partSize), !part.isEmpty {
      try part.withUnsafeBytes { try output.write($0) }
    }
    try output.commit()
    chmod(target, 0o600)
  }

  /// Makes new names survive a power failure.
  private func synchronize() throws {
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw FileError.system(path) }
    defer { close(folder) }
    guard fsync(folder) == 0 else { throw FileError.system(path) }
  }

  private static func size(_ path: String) throws -> Int? {
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno == ENOENT { return nil }
      throw FileError.system(path)
    }
    return Int(status.st_size)
  }
}
