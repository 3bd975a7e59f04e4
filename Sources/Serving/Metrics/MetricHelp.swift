/// Descriptions of the metrics, which swift-metrics has no place for.
enum MetricHelp {
  static func text(_ name: String) -> String { texts[name] ?? "See the library that records it." }

  static let texts = [
    "http_server_active_requests": "Requests in progress.",
    "http_server_request_duration_seconds":
      "Time from a request's header to the end of its response; event streams take long.",
    "nsarm_library_warnings_total": "Warnings of the libraries that read and write pictures.",
    "nsarm_restoration_duration_seconds": "Duration of restorations.",
    "nsarm_restorations_total": "Restorations that ended in this process, by outcome.",
    "nsarm_upload_bytes_total": "Bytes of accepted pictures.",
    "nsarm_uploads_total": "Accepted pictures.",
  ]
}
