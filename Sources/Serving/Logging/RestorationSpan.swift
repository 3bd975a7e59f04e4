import Tracing

/// Traces a restoration as a span, if a tracer such as swift-otel is installed.
///
/// - Parameters:
///   - id: the id of the job.
///   - body: the work, which may add attributes to the span.
func withRestorationSpan<Value>(
  _ id: String, _ body: (any Span) async throws -> Value
) async rethrows -> Value {
  try await withSpan("restoration", ofKind: .consumer) { span in
    span.attributes["nsarm.job.id"] = id
    return try await body(span)
  }
}
