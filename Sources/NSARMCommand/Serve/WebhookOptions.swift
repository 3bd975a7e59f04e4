import ArgumentParser
import Foundation
import Serving

/// Messages to addresses that uploads name, at the end of restorations.
struct WebhookOptions: ParsableArguments {
  @Flag(
    help:
      "Send a message to the address that an upload names when its restoration has ended; $NSARM_WEBHOOK_SECRET signs it."
  )
  var webhooks = false

  @Option(
    help: ArgumentHelp(
      "A file with the secret that signs webhooks, whsec_ and base64 (or $NSARM_WEBHOOK_SECRET holds it).",
      valueName: "file"))
  var webhookSecretFile: String?

  @Flag(
    help:
      "Send messages to addresses of this machine and its network, too, not to public ones alone.")
  var webhookPrivate = false

  init() {}

  func validate() throws {
    if !webhooks, webhookPrivate || webhookSecretFile != nil {
      throw ValidationError("--webhook-private and --webhook-secret-file need --webhooks")
    }
  }

  /// The policy for webhooks; nil: no messages are sent.
  /// - Throws: `ValidationError` where there is no secret.
  func policy() throws -> WebhookPolicy? {
    guard webhooks else { return nil }
    guard
      let secret = try secret(
        inFile: webhookSecretFile, orVariable: "NSARM_WEBHOOK_SECRET", "the webhooks' secret")
    else {
      throw ValidationError(
        "--webhooks needs a secret: --webhook-secret-file or $NSARM_WEBHOOK_SECRET")
    }
    do {
      return try WebhookPolicy(secret: secret, allowsPrivate: webhookPrivate)
    } catch {
      throw ValidationError("\(error)")
    }
  }
}
