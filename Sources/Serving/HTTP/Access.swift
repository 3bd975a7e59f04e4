import Foundation
import HTTPTypes
import Hummingbird

/// Who may do what.
struct Access: Sendable {
  /// What clients have to know; nil: nothing.
  let token: String?
  /// Whether only this machine's own programs can reach the service.
  let isLocal: Bool
  /// In the cookie of browsers that have sent the token; new with every start.
  private let session = (0..<4).map { _ in
    String(UInt64.random(in: 0...UInt64.max), radix: 36)
  }.joined()

  static let cookie = "nsarm-session"

  init(token: String?, isLocal: Bool) { (self.token, self.isLocal) = (token, isLocal) }

  func isToken(_ text: String) -> Bool { token.map { Self.isEqual(text, $0) } ?? true }

  /// - Throws: `Problem`.
  func check(_ request: Request) throws {
    guard token != nil else { return }
    if let cookie = request.cookies[Self.cookie]?.value, Self.isEqual(cookie, session) { return }
    if let header = request.headers[.authorization], header.lowercased().hasPrefix("bearer "),
      isToken(String(header.dropFirst(7)))
    {
      return
    }
    var problem = Problem(
      .unauthorized, "unauthorized", "send the token of this service: Authorization: Bearer TOKEN")
    problem.headers[.wwwAuthenticate] = "Bearer"
    throw problem
  }

  /// A page of somebody else's that a user of this machine has open could send requests here; what
  /// tells it is the name that it believes to talk to, and where it comes from.
  /// - Throws: `Problem`.
  func checkOrigin(_ request: Request) throws {
    let host = request.head.authority ?? ""
    if isLocal, !Self.isLoopback(host) {
      throw Problem(.forbidden, "foreign_host", "this service answers to localhost only")
    }
    if let origin = request.headers[.origin], origin != "http://\(host)",
      origin != "https://\(host)"
    {
      throw Problem(.forbidden, "foreign_origin", "pages of other sites may not use this service")
    }
  }

  func sessionCookie() -> String { "\(Self.cookie)=\(session); Path=/; HttpOnly; SameSite=Strict" }
  static let removedCookie = "\(cookie)=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"

  /// Takes the same time wherever the texts differ.
  private static func isEqual(_ a: String, _ b: String) -> Bool {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    guard !b.isEmpty else { return false }
    var difference = a.count ^ b.count
    for (i, byte) in a.enumerated() { difference |= Int(byte ^ b[i % b.count]) }
    return difference == 0
  }

  /// Whether a name, with a port or without, is this machine's for itself.
  static func isLoopback(_ authority: String) -> Bool {
    let host =
      authority.hasPrefix("[")
      ? String(authority.dropFirst().prefix { $0 != "]" })
      : authority == "::1" ? authority : String(authority.prefix { $0 != ":" })
    // 127.example.org is somebody's name.
    let bytes = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    let isNumeric = bytes.count == 4 && !bytes.contains(nil)
    return host == "localhost" || host == "::1" || host.hasSuffix(".localhost")
      || isNumeric && bytes[0] == 127
  }
}

struct AccessMiddleware<Context: RequestContext>: RouterMiddleware {
  let access: Access
  let needsToken: Bool

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    try access.checkOrigin(request)
    if needsToken { try access.check(request) }
    return try await next(request, context)
  }
}

/// How many pictures an address may send in a minute.
actor RateLimit {
  private let perMinute: Int
  private var sent: [String: (allowance: Double, time: Date)] = [:]

  init(perMinute: Int) { self.perMinute = perMinute }

  /// - Throws: `Problem` where it was too much.
  func count(_ address: String, at now: Date = Date()) throws {
    // Who has not been heard of for a minute has a full allowance again.
    if sent.count > 10_000 { sent = sent.filter { now.timeIntervalSince($0.value.time) < 60 } }
    let last = sent[address] ?? (Double(perMinute), now)
    let rate = Double(perMinute) / 60
    let allowance = min(
      Double(perMinute), last.allowance + now.timeIntervalSince(last.time) * rate)
    guard allowance >= 1 else {
      throw Problem(
        .tooManyRequests, "rate_limit", "\(perMinute) pictures a minute are taken from one address",
        retryAfter: Int(((1 - allowance) / rate).rounded(.up)))
    }
    sent[address] = (allowance - 1, now)
  }
}

/// Headers that keep browsers from doing more than the app needs.
struct SafetyHeaders<Context: RequestContext>: RouterMiddleware {
  private static var policy: String {
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none';"
      + " form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
  }

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    var response = try await next(request, context)
    response.headers[.contentSecurityPolicy] = Self.policy
    response.headers[.xContentTypeOptions] = "nosniff"
    response.headers[HTTPField.Name("Referrer-Policy")!] = "no-referrer"
    response.headers[HTTPField.Name("Cross-Origin-Resource-Policy")!] = "same-origin"
    return response
  }
}
