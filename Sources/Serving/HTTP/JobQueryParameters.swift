import Foundation
import Hummingbird

extension JobQuery {
  /// The query of `GET /v1/restorations`.
  /// - Throws: `Problem` for an invalid value.
  init(_ parameters: Parameters) throws {
    self.init()
    func invalid(_ text: String) -> Problem {
      Problem(.unprocessableContent, "invalid_setting", text)
    }
    if let text = parameters["limit"] {
      guard let number = Int(text), (1...1000).contains(number) else {
        throw invalid("limit: must be a whole number from 1 to 1000")
      }
      limit = number
    }
    if let text = parameters["cursor"] {
      guard let cursor = JobCursor(String(text)) else {
        throw invalid("cursor: must be 'next' of an earlier response")
      }
      before = cursor.number
    }
    if let text = parameters["state"] {
      for name in text.split(separator: ",") {
        guard let state = Job.State(rawValue: String(name)) else {
          let known = Job.State.allCases.map(\.rawValue).joined(separator: ", ")
          throw invalid("state: must be one or more of \(known)")
        }
        states.insert(state)
      }
    }
    func text(_ name: Substring) -> String? {
      parameters[name].map { $0.removingPercentEncoding ?? String($0) }.flatMap {
        $0.isEmpty ? nil : $0
      }
    }
    (model, name) = (text("model"), text("name"))
  }
}
