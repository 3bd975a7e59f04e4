import Testing
import Torch

/// The variables of torchrun and its like.
@Suite struct LaunchEnvironmentTests {
  private static let complete = [
    "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500",
  ]

  @Test func aPlaceIsRead() throws {
    var variables = Self.complete
    var expected = LaunchEnvironment(
      rank: 3, worldSize: 4, localRank: 1, masterAddress: "10.0.0.1", masterPort: 29500)
    #expect(try LaunchEnvironment(variables) == expected)
    variables["TORCHELASTIC_USE_AGENT_STORE"] = "True"
    variables["TORCHELASTIC_RESTART_COUNT"] = "2"
    expected.usesAgentStore = true
    expected.restartCount = 2
    #expect(try LaunchEnvironment(variables) == expected)
  }

  @Test func aProcessMayBeAlone() throws {
    #expect(try LaunchEnvironment([:]) == nil)
    #expect(try LaunchEnvironment(["RANK": "0", "LOCAL_RANK": "0"]) == nil)
  }

  @Test func localRankIsOptional() throws {
    var variables = Self.complete
    variables["LOCAL_RANK"] = nil
    #expect(try LaunchEnvironment(variables)?.localRank == 0)
  }

  @Test(arguments: ["RANK", "MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE"])
  func whatIsMissingIsNamed(_ name: String) {
    var variables = Self.complete
    variables[name] = nil
    let error = #expect(throws: LaunchEnvironment.Problem.self) {
      try LaunchEnvironment(variables)
    }
    #expect(error?.description.contains(name) == true)
  }

  @Test(arguments: [
    ("RANK", "4"), ("RANK", "-1"), ("RANK", "two"), ("WORLD_SIZE", "0"), ("LOCAL_RANK", "2"),
    ("LOCAL_WORLD_SIZE", "5"), ("MASTER_PORT", "65536"), ("MASTER_PORT", "http"),
    ("TORCHELASTIC_RESTART_COUNT", "once"),
  ])
  func badValuesAreNamed(_ name: String, _ value: String) {
    var variables = Self.complete
    variables[name] = value
    let error = #expect(throws: LaunchEnvironment.Problem.self) {
      try LaunchEnvironment(variables)
    }
    #expect(error?.description.hasPrefix("\(name) is '\(value)'; expected a whole number") == true)
  }
}
