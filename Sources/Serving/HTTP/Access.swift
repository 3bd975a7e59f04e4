import Files
import Foundation
import HTTPTypes
import Hummingbird

/// Who may do what.
struct Access: Sendable {
  /// What clients have to know; nil: nothing.
  let token: String?
  let names: HostNames
  let publicURL: PublicURL?
  private let sessions = Sessions()
  /// Wrong tokens, of which nobody may try many.
  private let mistakes: Allowance

  static let cookie = "nsarm-session"

  init(_ door: RestorationService.Door, wrongTokensPerMinute: Int) {
    (token, names, publicURL) = (door.token, door.names, door.publicURL)
    mistakes = Allowance(perMinute: wrongTokensPerMinute)
  }

  /// - Throws: `Problem` where who asks has neither a session nor the token.
  func check(_ request: Request, _ context: ClientContext) throws {
    guard token != nil else { return }
    if let id = request.cookies[Self.cookie]?.value, sessions.isOpen(id) { return }
    guard let header = request.headers[.authorization], header.lowercased().hasPrefix("bearer ")
    else { throw Self.unauthorized("send the token of this service: Authorization: Bearer TOKEN") }
    try checkToken(String(header.dropFirst(7)), context)
  }

  /// Opens a session for who knows the token.
  /// - Returns: the cookie.
  /// - Throws: `Problem`.
  func signIn(_ token: String, _ context: ClientContext) throws -> String {
    try checkToken(token, context)
    return cookie(sessions.begin(), seconds: Int(Sessions.lifetime / .seconds(1)), context)
  }

  /// Ends the session, which nobody can use any more.
  /// - Returns: what removes the cookie.
  func signOut(_ request: Request, _ context: ClientContext) -> String {
    if let id = request.cookies[Self.cookie]?.value { sessions.end(id) }
    return cookie("", seconds: 0, context)
  }

  private func cookie(_ value: String, seconds: Int, _ context: ClientContext) -> String {
    let isSecure = context.caller.isSecure || publicURL?.isSecure == true
    return "\(Self.cookie)=\(value); Path=/; HttpOnly; SameSite=Strict; Max-Age=\(seconds)"
      + (isSecure ? "; Secure" : "")
  }

  /// Who has tried wrong ones too often learns of none whether it is right.
  private func checkToken(_ text: String, _ context: ClientContext) throws {
    guard let token else { return }
    let address = context.caller.subscriber
    var state = mistakes.look(address)
    if state.isGranted, Self.isEqual(text, token) { return }
    if state.isGranted {
      state = mistakes.take(address)
      context.logger.notice(
        "a wrong token", metadata: ["address": "\(context.caller.address?.description ?? "?")"])
      if state.remaining > 0 { throw Self.unauthorized("this is not the token of this service") }
      context.logger.notice(
        "too many wrong tokens; more are not looked at for a while",
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

  /// A page of somebody else's that a user of this machine has open could send requests here; what
  /// tells it is the name that it believes to talk to, and where it comes from.
  /// - Throws: `Problem`.
  func checkOrigin(_ request: Request, _ context: ClientContext) throws {
    // Where a user's browser is a neighbour of the proxy, the page of a name that leads here by
    // somebody's DNS may send a proxy's headers, too: both names have to be right.
    var hosts = Set([context.caller.authority])
    if names.isLoopbackOnly { hosts.insert(request.head.authority ?? "") }
    for host in hosts where !names.isKnown(host) && !isPublic(host) {
      throw Problem(
        .forbidden, "foreign_host", "this service does not answer to the name '\(oneLine(host))'")
    }
    guard let origin = request.headers[.origin] else { return }
    // What the world calls the service says by what scheme, too.
    let own =
      hosts.filter { !isPublic($0) }.flatMap { ["http://\($0)", "https://\($0)"] }
      + [publicURL?.origin ?? ""]
    guard own.contains(origin.lowercased()) || own.contains(origin) else {
      throw Problem(.forbidden, "foreign_origin", "pages of other sites may not use this service")
    }
  }

  private func isPublic(_ authority: String) -> Bool {
    publicURL?.host == HostNames.host(of: authority).lowercased()
  }

  /// Takes the same time wherever the texts differ.
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
