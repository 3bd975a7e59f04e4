import ArgumentParser
import ServiceLifecycle
import Serving

/// `nsarm work`
struct WorkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "work",
    abstract: "Restore what an 'nsarm serve' takes in, here or on another machine.",
    discussion: """
      Takes pictures out of the queue that --jobs (or --data) names, one at a time, until Ctrl-C; what is under \
      way then goes back into the queue. Any number of workers may share a queue. A worker that dies loses \
      nothing: another takes its picture when its lease has run out. Pictures that name no model are restored with \
      --model; others with theirs, which has to be in Models here, too.
      """)

  @OptionGroup var service: ServiceOptions

  func run() throws {
    let models = try service.shelf()
    try runServices { [self] in
      let service = try await service.service()
      // What is wrong with the queue has been told before a large model is read.
      _ = try await models.model()
      note("waiting for pictures; Ctrl-C ends it")
      return ([service.worker(models), service.caretaker()], service.logger)
    }
  }
}
