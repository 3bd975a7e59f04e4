import Tracing

/// A restoration as a span of what watches the program, where something does (swift-otel, for
/// example); otherwise nothing.
///
/// - Parameters:
///   - id: of the job.
///   - body: the work; it may tell the span what came of it.
func withRestorationSpan<Value>(
  _ id: String, _ body: (any Span) async throws -> Value
) async rethrows -> Value {
  try await withSpan("restoration", ofKind: .consumer) { span in
    span.attributes["nsarm.job.id"] = id
    return try await body(span)
  }
}
