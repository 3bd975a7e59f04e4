import Foundation
import NIOCore

/// A picture and its settings as a multipart form (RFC 7578), read from the file while it is sent.
struct PictureForm: AsyncSequence, Sendable {
  typealias Element = ByteBuffer

  let contentType: String
  /// The length of the form in bytes.
  let count: Int
  private let path: String
  private let start, end: Data

  private static let partSize = 1 << 18

  /// - Throws: an error of reading the file's size.
  init(_ path: String, name: String, _ settings: [String: String]) throws {
    let boundary = "nsarm-\(UUID().uuidString)"
    var start = ""
    for (field, value) in settings.sorted(by: { $0.key < $1.key }) {
      start +=
        "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(field)\"\r\n\r\n\(value)\r\n"
    }
    start +=
      "--\(boundary)\r\nContent-Disposition: form-data; name=\"image\";"
      + " filename=\"\(Self.quoted(name))\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    self.path = path
    self.start = Data(start.utf8)
    end = Data("\r\n--\(boundary)--\r\n".utf8)
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
    count = self.start.count + size + end.count
    contentType = "multipart/form-data; boundary=\(boundary)"
  }

  /// The name escaped as browsers do it.
  private static func quoted(_ name: String) -> String {
    name.replacing("\"", with: "%22").replacing("\r", with: "%0D").replacing("\n", with: "%0A")
  }

  func makeAsyncIterator() -> Iterator { Iterator(form: self) }

  struct Iterator: AsyncIteratorProtocol {
    let form: PictureForm
    private enum Place { case start, file(FileHandle), done }
    private var place = Place.start

    fileprivate init(form: PictureForm) { self.form = form }

    mutating func next() async throws -> ByteBuffer? {
      switch place {
      case .start:
        place = .file(try FileHandle(forReadingFrom: URL(fileURLWithPath: form.path)))
        return ByteBuffer(bytes: form.start)
      case .file(let file):
        if let part = try file.read(upToCount: PictureForm.partSize), !part.isEmpty {
          return ByteBuffer(bytes: part)
        }
        try file.close()
        place = .done
        return ByteBuffer(bytes: form.end)
      case .done: return nil
      }
    }
  }
}
