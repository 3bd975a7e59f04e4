#include "CSentencePiece.h"
#include "charsmap.h"

#include <sentencepiece_processor.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct csp_model {
  sentencepiece::SentencePieceProcessor processor;
};

namespace {

void fail(char **error, const char *text) {
  if (error != nullptr) *error = strdup(text);
}

/// What `body` returns, or a null pointer with the reason in *error.
template <typename Body>
auto guarded(char **error, Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::exception &exception) {
    fail(error, exception.what());
  } catch (...) {
    fail(error, "an unknown error");
  }
  return nullptr;
}

}  // namespace

csp_model *csp_load(const void *bytes, size_t count, char **error) {
  return guarded(error, [&]() -> csp_model * {
    const std::string_view proto(static_cast<const char *>(bytes), count);
    if (!charsmap_is_sound(proto)) {
      fail(error, "its table of characters is damaged");
      return nullptr;
    }
    auto model = std::make_unique<csp_model>();
    auto status = model->processor.LoadFromSerializedProto(proto);
    if (!status.ok()) {
      fail(error, status.ToString().c_str());
      return nullptr;
    }
    return model.release();
  });
}

void csp_release(csp_model *model) { delete model; }

int32_t csp_size(const csp_model *model) { return model->processor.GetPieceSize(); }

int32_t *csp_encode(
    const csp_model *model, const char *text, size_t count, size_t *length, char **error) {
  return guarded(error, [&]() -> int32_t * {
    std::vector<int> ids;
    auto status = model->processor.Encode(absl::string_view(text, count), &ids);
    if (!status.ok()) {
      fail(error, status.ToString().c_str());
      return nullptr;
    }
    auto *result = static_cast<int32_t *>(malloc((ids.size() + 1) * sizeof(int32_t)));
    if (result == nullptr) {
      fail(error, "out of memory");
      return nullptr;
    }
    for (size_t i = 0; i < ids.size(); i++) result[i] = ids[i];
    *length = ids.size();
    return result;
  });
}
