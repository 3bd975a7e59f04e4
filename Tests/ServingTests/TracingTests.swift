import InMemoryTracing
import TestSupport
import Testing
import Tracing

@testable import Serving

/// An installed tracer receives requests and restorations.
@Suite struct TracingTests {
  private static let tracer = {
    let tracer = InMemoryTracer()
    InstrumentationSystem.bootstrap(tracer)
    return tracer
  }()

  @Test func requestsAreSpans() async throws {
    let folder = try ScratchFolder()
    let tracer = Self.tracer
    try await TestService.with(folder, restores: false) { service in
      for method in ["GET", "HEAD"] {
        _ = try await service.send(
          method, "/v1/restorations/x",
          [InMemoryTracer.traceIDKey: "of-this-test", InMemoryTracer.spanIDKey: method])
      }
      func spans() -> [FinishedInMemorySpan] {
        tracer.finishedSpans.filter { $0.traceID == "of-this-test" }
      }
      #expect(try await eventually { spans().count == 2 })
      for span in spans() {
        #expect(span.operationName == "/v1/restorations/{id}" && span.kind == .server)
        #expect(span.attributes.get("http.response.status_code") == .int64(404))
      }
    }
  }

  @Test func restorationsAreSpans() async throws {
    let tracer = Self.tracer
    await withRestorationSpan("job-of-this-test") { span in span.attributes["model"] = "tiny" }
    let span = try #require(
      tracer.finishedSpans.first {
        $0.attributes.get("nsarm.job.id") == .string("job-of-this-test")
      })
    #expect(span.operationName == "restoration" && span.attributes.get("model") == .string("tiny"))
  }
}
