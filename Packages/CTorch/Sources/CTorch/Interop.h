// What the parts of the C interface share: handles to tensors, and exceptions turned into messages,
// since none may cross into C or Swift.
#pragma once

#include "CTorch.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include <ATen/ATen.h>

namespace nsarm {

using Reference = c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

inline at::Tensor borrow(const void *handle) {
  return at::Tensor(Reference::reclaim_copy(
      static_cast<c10::TensorImpl *>(const_cast<void *>(handle))));
}

inline ct_tensor own(at::Tensor tensor) { return tensor.unsafeReleaseTensorImpl(); }

inline ct_message message(const std::string &text) { return strdup(text.c_str()); }

// Runs `body`; an exception becomes a message without libtorch's stack trace.
template <class Body>
ct_message guarded(Body body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const c10::Error &error) {
    return message(error.what_without_backtrace());
  } catch (const std::exception &error) {
    return message(error.what());
  } catch (...) {
    return message("unknown C++ exception");
  }
}

// Runs `body`, or gives `fallback` where it throws.
template <class Value, class Body>
Value guarded_or(Value fallback, Body body) noexcept {
  try {
    return body();
  } catch (...) {
    return fallback;
  }
}

}  // namespace nsarm
