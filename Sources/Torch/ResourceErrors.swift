import CTorch
import Foundation

/// Runs `body`, and throws where libtorch lacked memory, a device or a file meanwhile.
///
/// Operators cannot throw, or every formula would be full of `try`. So the first error of a
/// resource is kept, and from then on operators of this thread give tensors that have a shape but
/// no elements, at no cost. The error is thrown by the next `checkResources()`, or at the end of
/// `body`: nothing that was computed after it is ever returned. Work that hands results on before
/// it ends calls `checkResources()` first.
///
/// Regions nest; an inner one throws its own errors. Outside of all regions such an error stops the
/// program, as a wrong shape does everywhere.
/// - Parameter sources: sources that are read meanwhile and may turn out to be damaged, such as
///   mapped weights (`TensorSource.checkWhole`).
/// - Throws: `TorchError`; the error of a source or a `StreamedMatrix` that could not be read;
///   errors that `body` throws.
public func throwingResourceErrors<Result>(
  reading sources: [any TensorSource] = [], _ body: () throws -> Result
) throws -> Result {
  let region = ResourceRegion(sources)
  region.enter()
  defer { region.leave() }
  let result = Swift.Result { try body() }
  try region.check()
  return try result.get()
}

/// Throws the error of a resource that was lacking since the innermost `throwingResourceErrors` of
/// this thread began.
public func checkResources() throws { try ResourceRegion.current?.check() }

/// The result of `body`, for code that cannot throw. Where it throws, or an error was recorded
/// before, the result is `fallback`, and the error is that of the `throwingResourceErrors` around.
public func recordingErrors<Result>(else fallback: Result, _ body: () throws -> Result) -> Result {
  do {
    try checkResources()
    return try body()
  } catch {
    ResourceRegion.record(error)
    return fallback
  }
}

/// The stretch of a thread's work whose errors of resources end in one place.
final class ResourceRegion {
  private let outer = ResourceRegion.current
  private let sources: [any TensorSource]
  private var error: (any Error)?
  private static let key = "nsarm.ResourceRegion"

  init(_ sources: [any TensorSource]) { self.sources = sources }

  /// The innermost of this thread.
  static var current: ResourceRegion? {
    Thread.current.threadDictionary[key] as? ResourceRegion
  }

  func enter() { Thread.current.threadDictionary[Self.key] = self }

  func leave() {
    Thread.current.threadDictionary[Self.key] = outer
    // A region that nothing failed in may have had no use for libtorch.
    if error != nil { _ = ct_set_shapes_only(outer?.isFailed ?? false) }
  }

  /// - Throws: the first error, of this region or of one around it, or of a source.
  func check() throws {
    if let error { throw error }
    for source in sources { try source.checkWhole() }
    try outer?.check()
  }

  private var isFailed: Bool { error != nil || outer?.isFailed ?? false }

  /// Keeps an error that the code at hand cannot throw; tensors have only shapes from now on.
  /// Outside of all regions it ends the program.
  static func record(_ error: any Error) {
    guard let current else { fatalError("\(error)") }
    if current.error == nil { current.error = error }
    _ = ct_set_shapes_only(true)
  }

  /// The result of `body`; where it lacks a resource, its result with shapes alone.
  static func recording<Result>(_ body: () throws -> Result) -> Result {
    do {
      return try body()
    } catch let error as TorchError where error.isOfResource && current?.isFailed == false {
      record(error)
      return recording(body)
    } catch {
      fatalError("\(error)" + (current?.error.map { "; after: \($0)" } ?? ""))
    }
  }
}

/// Lets the operator that this thread calls after `calls` others fail as an accelerator does; nil:
/// none. For tests.
package func failOperator(after calls: Int?) { ct_fail_after(Int64(calls ?? -1)) }
