import ArgumentParser
import Foundation
import Serving

/// Whether those are told of the end of restorations whom uploads name.
struct WebhookOptions: ParsableArguments {
  @Flag(
    help:
      "Tell addresses that uploads name when a restoration has ended; $NSARM_WEBHOOK_SECRET signs the messages."
  )
  var webhooks = false

  @Option(
    help: ArgumentHelp(
      "A file with the secret that signs webhooks, whsec_ and base64 (or $NSARM_WEBHOOK_SECRET holds it).",
      valueName: "file"))
  var webhookSecretFile: String?

  @Flag(help: "Tell addresses of this machine and its network, too; by default public ones alone.")
  var webhookPrivate = false

  init() {}

  func validate() throws {
    if !webhooks, webhookPrivate || webhookSecretFile != nil {
      throw ValidationError("--webhook-private and --webhook-secret-file need --webhooks")
    }
  }

  /// nil: nobody is told.
  /// - Throws: `ValidationError` where there is no secret.
  func policy() throws -> WebhookPolicy? {
    guard webhooks else { return nil }
    let secret: String
    if let webhookSecretFile {
      guard let text = try? String(contentsOfFile: webhookSecretFile, encoding: .utf8) else {
        throw ValidationError("\(webhookSecretFile): cannot be read; it holds the webhooks' secret")
      }
      secret = text.trimmingCharacters(in: .whitespacesAndNewlines)
    } else if let text = ProcessInfo.processInfo.environment["NSARM_WEBHOOK_SECRET"], !text.isEmpty
    {
      secret = text
    } else {
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
