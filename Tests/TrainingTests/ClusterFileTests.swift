import Foundation
import Testing
import Torch
import Yams

/// The files of Examples/cluster.
@Suite struct ClusterFileTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Examples/cluster").path

  private func documents(_ name: String) throws -> [[String: Any]] {
    let text = try String(contentsOfFile: Self.folder + "/" + name, encoding: .utf8)
    return try Array(Yams.load_all(yaml: text)).map { try #require($0 as? [String: Any]) }
  }

  private func value(_ object: Any?, _ path: String) -> Any? {
    path.split(separator: "/").reduce(object) { object, key in
      Int(key).map { (object as? [Any])?[$0] } ?? (object as? [String: Any])?[String(key)]
    }
  }

  /// Every pod gets a rank of one group, and all of them find the first.
  @Test func podsAreRanks() throws {
    let all = try documents("train.yaml")
    #expect(all.map { $0["kind"] as? String } == ["Service", "Job"])
    let (service, job) = (all[0], all[1])
    let count = try #require(value(job, "spec/completions") as? Int)
    #expect(value(job, "spec/parallelism") as? Int == count)
    #expect(value(job, "spec/completionMode") as? String == "Indexed")
    let pod = value(job, "spec/template/spec")
    let container = value(pod, "containers/0")
    var variables: [String: String] = [:]
    for entry in try #require(value(container, "env") as? [[String: Any]]) {
      let name = try #require(entry["name"] as? String)
      if let text = entry["value"] as? String {
        variables[name] = text
      } else {
        let field = value(entry, "valueFrom/fieldRef/fieldPath") as? String
        #expect(field == "metadata.annotations['batch.kubernetes.io/job-completion-index']")
        variables[name] = "\(count - 1)"
      }
    }
    let launch = try #require(try LaunchEnvironment(variables))
    #expect(launch.rank == count - 1 && launch.worldSize == count && launch.localRank == 0)
    let name = value(service, "metadata/name") as? String ?? ""
    #expect(value(pod, "subdomain") as? String == name)
    #expect(launch.masterAddress == "\(value(job, "metadata/name") as? String ?? "")-0.\(name)")
    #expect(value(service, "spec/ports/0/port") as? Int == launch.masterPort)
    #expect(value(service, "spec/publishNotReadyAddresses") as? Bool == true)
    let label = value(job, "spec/template/metadata/labels/app") as? String
    #expect(label == value(service, "spec/selector/app") as? String)
  }

  @Test func workersReadTheirQueueFromASecret() throws {
    let deployment = try #require(try documents("workers.yaml").first)
    let container = value(deployment, "spec/template/spec/containers/0")
    #expect((value(container, "command") as? [String])?.prefix(2) == ["nsarm", "work"])
    #expect(value(container, "envFrom/0/secretRef/name") as? String == "nsarm-queue")
    #expect(
      value(deployment, "spec/selector/matchLabels/app") as? String
        == value(deployment, "spec/template/metadata/labels/app") as? String)
  }
}
