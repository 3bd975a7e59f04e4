/// What the metrics are that swift-metrics is told of, which has no place for it.
enum MetricHelp {
  static func text(_ name: String) -> String { texts[name] ?? "See the library that counts it." }

  static let texts = [
    "http_server_active_requests": "Requests that are being answered.",
    "http_server_request_duration_seconds":
      "From a request's head to the end of its answer; event streams last long.",
    "nsarm_library_warnings_total": "Warnings of the libraries that read and write pictures.",
    "nsarm_restoration_duration_seconds": "From the begin of a restoration to its end.",
    "nsarm_restorations_total": "Restorations that have ended here, by their outcome.",
    "nsarm_upload_bytes_total": "Bytes of the pictures that have been taken in.",
    "nsarm_uploads_total": "Pictures that have been taken in.",
  ]
}
