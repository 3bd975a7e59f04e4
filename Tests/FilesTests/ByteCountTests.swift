import Files
import Testing

@Suite struct ByteCountTests {
  @Test func numbersOfBytes() {
    let sizes = [
      "500k": 500_000, "2M": 2_000_000, "512KiB": 524_288, "1.5mib": 1_572_864,
      "6GB": 6_000_000_000,
      "7": 7, "7B": 7,
    ]
    for (text, bytes) in sizes { #expect(ByteCount(text)?.bytes == bytes, "\(text)") }
    for bad in ["", "k", "iB", "3iB", "0", "-1", "0.1", "nan", "inf", "1e30", "2Q", "KiB"] {
      #expect(ByteCount(bad) == nil, "\(bad)")
    }
  }
}
