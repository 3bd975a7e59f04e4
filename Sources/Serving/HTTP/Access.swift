import Files
import Foundation
import HTTPTypes
import Hummingbird

/// Authentication, and protection against requests from other sites.
struct Access: Sendable {
  /// The token that clients must send; nil: none.
  let token: String?
  let names: HostNames
  let publicURL: PublicURL?
  private let sessions = Sessions()
  /// Limits the wrong tokens from each address.
  private let wrongTokens: RateLimit

  static let cookie = "nsarm-session"

  init(_ listen: RestorationService.ListenOptions, wrongTokensPerMinute: Int) {
    (token, names, publicURL) = (listen.token, listen.names, listen.publicURL)
    wrongTokens = RateLimit(perMinute: wrongTokensPerMinute)
  }

  /// - Throws: `Problem` if the request has neither an open session nor the token.
  func check(_ request: Request, _ context: ClientContext) throws {
    guard token != nil else { return }
    if let id = request.cookies[Self.cookie]?.value, sessions.isOpen(id) { return }
    guard let header = request.headers[.authorization], header.lowercased().hasPrefix("bearer ")
    else { throw Self.unauthorized("send the token of this service: Authorization: Bearer TOKEN") }
    try checkToken(String(header.dropFirst(7)), context)
  }

  /// Opens a session for a client that knows the token.
  /// - Returns: the value of the `Set-Cookie` header.
  /// - Throws: `Problem`.
  func signIn(_ token: String, _ context: ClientContext) throws -> String {
    try checkToken(token, context)
    return cookie(sessions.begin(), seconds: Int(Sessions.lifetime / .seconds(1)), context)
  }

  /// Closes the session.
  /// - Returns: the value of the `Set-Cookie` header that removes the cookie.
  func signOut(_ request: Request, _ context: ClientContext) -> String {
    if let id = request.cookies[Self.cookie]?.value { sessions.end(id) }
    return cookie("", seconds: 0, context)
  }

  private func cookie(_ value: String, seconds: Int, _ context: ClientContext) -> String {
    let isSecure = context.caller.isSecure || publicURL?.isSecure == true
    return "\(Self.cookie)=\(value); Path=/; HttpOnly; SameSite=Strict; Max-Age=\(seconds)"
      + (isSecure ? "; Secure" : "")
  }

  /// Rejects every token, the right one included, from an address that has sent too many wrong
  /// ones.
  private func checkToken(_ text: String, _ context: ClientContext) throws {
    guard let token else { return }
    let address = context.caller.subscriber
    var state = wrongTokens.peek(address)
    if state.isGranted, Self.isEqual(text, token) { return }
    if state.isGranted {
      state = wrongTokens.take(address)
      context.logger.notice(
        "wrong token", metadata: ["address": "\(context.caller.address?.description ?? "?")"])
      if state.remaining > 0 { throw Self.unauthorized("this is not the token of this service") }
      context.logger.notice(
        "too many wrong tokens; more are rejected for a while",
        metadata: ["address": "\(context.caller.address?.description ?? "?")"])
      throw Self.unauthorized("this is not the token of this service")
    }
    throw Problem(
      .tooManyRequests, "too_many_attempts", "too many wrong tokens have come from your address",
      retryAfter: state.retryAfter)
  }

  private static func unauthorized(_ detail: String) -> Problem {
    var problem = Problem(.unauthorized, "unauthorized", detail)
    problem.headers[.wwwAuthenticate] = "Bearer"
    return problem
  }

  /// Rejects requests that another site's page makes through the user's browser. They are
  /// recognised by the host name that they address and by their origin.
  /// - Throws: `Problem`.
  func checkOrigin(_ request: Request, _ context: ClientContext) throws {
    // If the browser runs beside the proxy, a page whose domain resolves to this machine (DNS
    // rebinding) can forge the proxy's headers as well, so both names must be known.
    var hosts = Set([context.caller.authority])
    if names.isLoopbackOnly { hosts.insert(request.head.authority ?? "") }
    for host in hosts where !names.isKnown(host) && !isPublic(host) {
      throw Problem(
        .forbidden, "foreign_host", "this service does not answer to the name '\(oneLine(host))'")
    }
    guard let origin = request.headers[.origin] else { return }
    // The public URL determines the scheme, too.
    let own =
      hosts.filter { !isPublic($0) }.flatMap { ["http://\($0)", "https://\($0)"] }
      + [publicURL?.origin ?? ""]
    guard own.contains(origin.lowercased()) || own.contains(origin) else {
      throw Problem(.forbidden, "foreign_origin", "pages of other sites must not use this service")
    }
  }

  private func isPublic(_ authority: String) -> Bool {
    publicURL?.host == HostNames.host(of: authority).lowercased()
  }

  /// Compares in a time that does not depend on the position of the first difference.
  private static func isEqual(_ a: String, _ b: String) -> Bool {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    guard !b.isEmpty else { return false }
    var difference = a.count ^ b.count
    for (i, byte) in a.enumerated() { difference |= Int(byte ^ b[i % b.count]) }
    return difference == 0
  }
}

struct AccessMiddleware: RouterMiddleware {
  let access: Access
  let needsToken: Bool

  func handle(
    _ request: Request, context: ClientContext,
    next: (Request, ClientContext) async throws -> Response
  ) async throws -> Response {
    try access.checkOrigin(request, context)
    if needsToken { try access.check(request, context) }
    return try await next(request, context)
  }
}
