import ArgumentParser
import ServiceLifecycle
import Serving

/// `nsarm work`
struct WorkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "work",
    abstract:
      "Restore the pictures of an 'nsarm serve' or 'nsarm submit', here or on another machine.",
    discussion: """
      Takes pictures out of the queue that --queue (or --data) names, one at a time, until Ctrl-C; the picture \
      under way then goes back into the queue. Any number of workers may share a queue. A worker that dies loses \
      nothing: another takes its picture when its lease has run out. Pictures that name no model are restored with \
      --model; the models that others name have to be in Models here, too.
      """)

  @OptionGroup var service: ServiceOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Port for this worker's state, at http://127.0.0.1:<port>/: healthz, readyz, metrics.",
      valueName: "port"))
  var metricsPort: Int?

  @Option(help: ArgumentHelp("Address for --metrics-port; 0.0.0.0: all addresses of this machine."))
  var metricsHost = "127.0.0.1"

  func validate() throws {
    if let metricsPort, !(0...65535).contains(metricsPort) {
      throw ValidationError("--metrics-port has to be 0 to 65535")
    }
    if metricsHost.isEmpty { throw ValidationError("--metrics-host is empty; name an address") }
  }

  func run() throws {
    let models = try service.shelf()
    try runServices { [self] in
      let service = try await service.service()
      // What is wrong with the queue has been told before a large model is read.
      _ = try await models.model()
      note("waiting for pictures; Ctrl-C ends it")
      var services = [service.worker(models), service.caretaker()]
      if let metricsPort { services.append(service.status(host: metricsHost, port: metricsPort)) }
      return RunningServices(
        services: services, shutdown: service.shutdown,
        logger: service.logger)
    }
  }
}
