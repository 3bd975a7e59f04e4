#include "charsmap.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

/// Reads the fields of a protocol buffer one after the other.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  uint64_t number() const { return number_; }
  /// Of a field of bytes; empty for others.
  std::string_view bytes() const { return bytes_; }

  /// False at the end, or where the rest is no field.
  bool next() {
    uint64_t key, size;
    bytes_ = {};
    if (rest_.empty() || !varint(&key)) return false;
    number_ = key >> 3;
    switch (key & 7) {
      case 0: return varint(&size);
      case 1: return take(8, nullptr);
      case 2: return varint(&size) && take(size, &bytes_);
      case 5: return take(4, nullptr);
      default: return false;
    }
  }

 private:
  bool varint(uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return false;
      auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      *value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  bool take(uint64_t size, std::string_view *part) {
    if (size > rest_.size()) return false;
    if (part != nullptr) *part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_, bytes_;
  uint64_t number_ = 0;
};

/// A table: the size of a trie in bytes, the trie as a double array (Darts-clone), replacements
/// that end with 0. Bits of a unit: 31 says that it is a value, 8 that a value follows, the others
/// hold the label and the offset to the children, or the value, which is a replacement's place.
bool table_is_sound(std::string_view table) {
  uint32_t size;
  if (table.size() <= sizeof size) return false;
  memcpy(&size, table.data(), sizeof size);
  table.remove_prefix(sizeof size);
  // Children lie in one block of 256 units.
  if (size == 0 || size % (256 * sizeof size) != 0 || size >= table.size() || table.back() != 0)
    return false;
  auto unit = [&](size_t index) {
    uint32_t value;
    memcpy(&value, table.data() + index * sizeof value, sizeof value);
    return value;
  };
  const size_t count = size / sizeof size, replacements = table.size() - size;
  for (size_t index = 0; index < count; index++) {
    const uint32_t own = unit(index);
    if (index > 0 && own >> 31) continue;
    const size_t children = index ^ ((own >> 10) << ((own & (1u << 9)) >> 6));
    if (children >= count) return false;
    if ((own >> 8 & 1) && (unit(children) & 0x7FFFFFFF) >= replacements) return false;
  }
  return true;
}

}  // namespace

bool charsmap_is_sound(std::string_view model) {
  for (Fields fields(model); fields.next();) {
    if (fields.number() != 3) continue;  // normalizer_spec
    for (Fields spec(fields.bytes()); spec.next();) {
      const bool is_table = spec.number() == 2 && !spec.bytes().empty();  // precompiled_charsmap
      if (is_table && !table_is_sound(spec.bytes())) return false;
    }
  }
  return true;
}
