import ArgumentParser
import Serving

/// The reverse proxy in front of `nsarm serve`.
struct ProxyOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Public address of the service behind a reverse proxy: https://photos.example.",
      valueName: "url"),
    transform: Self.url)
  var publicURL: PublicURL?

  @Option(
    help: ArgumentHelp(
      "Trust X-Forwarded-For, -Proto and -Host and X-Request-Id from this address: 127.0.0.1, 10.0.0.0/8. "
        + "Repeatable.", valueName: "address"),
    transform: Self.range)
  var trustedProxy: [AddressRange] = []

  init() {}

  private static func url(_ text: String) throws -> PublicURL {
    do {
      return try PublicURL(text)
    } catch let error as PublicURLError {
      throw ValidationError(error.description)
    }
  }

  private static func range(_ text: String) throws -> AddressRange {
    guard let range = AddressRange(text) else {
      throw ValidationError(
        "an address is wanted, perhaps with the bits of its network: 10.0.0.0/8")
    }
    return range
  }
}
