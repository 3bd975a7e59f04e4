// Helpers of the C interface: handles to tensors, and exceptions turned into messages, since none
// may cross into C or Swift.
#pragma once

#include "CTorch.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include <ATen/ATen.h>
#if __has_include(<dnnl.hpp>)
#include <dnnl.hpp>
#endif

namespace nsarm {

// An error of the closure of a node, owned until the caller of the backward pass takes it.
class ClosureError {
 public:
  ClosureError(void *error, void (*release)(void *)) : error(error), release(release) {}
  ClosureError(const ClosureError &) = delete;
  ~ClosureError() {
    if (error) release(error);
  }
  void *take() { return std::exchange(error, nullptr); }

 private:
  void *error;
  void (*release)(void *);
};

// An error whose kind is known.
struct Failure : std::runtime_error {
  ct_error_kind kind;
  std::shared_ptr<ClosureError> closure_error;
  Failure(ct_error_kind kind, const std::string &text,
          std::shared_ptr<ClosureError> closure_error = nullptr)
      : std::runtime_error(text), kind(kind), closure_error(std::move(closure_error)) {}
};

// Of the calling thread; see CTorch.h.
struct Mode {
  ct_error_kind last_error = CT_WRONG_USE;
  std::shared_ptr<ClosureError> closure_error;
  bool shapes_only = false;
  int64_t calls_to_failure = -1;
};

Mode &mode();

using Reference = c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

inline at::Tensor borrow(const void *handle) {
  return at::Tensor(Reference::reclaim_copy(
      static_cast<c10::TensorImpl *>(const_cast<void *>(handle))));
}

// A tensor without elements in the place of `tensor`. Narrow floats become float32, since autocast,
// which would bring operands to one type, does not know this device.
at::Tensor shape_of(const at::Tensor &tensor);

inline ct_tensor own(at::Tensor tensor) { return tensor.unsafeReleaseTensorImpl(); }

inline ct_message message(const std::string &text, ct_error_kind kind = CT_WRONG_USE) {
  mode().last_error = kind;
  return strdup(text.c_str());
}

// The kind of an error of libtorch's, which tells most of them by their text alone.
ct_error_kind kind_of(const std::string &text);

// Runs `body`; an exception becomes a message without libtorch's stack trace.
template <class Body>
ct_message guarded(Body body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const Failure &error) {
    mode().closure_error = error.closure_error;
    return message(error.what(), error.kind);
  } catch (const c10::OutOfMemoryError &error) {
    return message(error.what_without_backtrace(), CT_OUT_OF_MEMORY);
  } catch (const c10::AcceleratorError &error) {
    return message(error.what_without_backtrace(), CT_DEVICE_FAILED);
  } catch (const c10::Error &error) {
    return message(error.what_without_backtrace(), kind_of(error.what_without_backtrace()));
  } catch (const std::bad_alloc &) {
    return message("out of memory", CT_OUT_OF_MEMORY);
#if __has_include(<dnnl.hpp>)
  } catch (const dnnl::error &error) {
    auto kind = error.status == dnnl_out_of_memory ? CT_OUT_OF_MEMORY
              : error.status == dnnl_runtime_error ? CT_DEVICE_FAILED : CT_WRONG_USE;
    return message(std::string("oneDNN: ") + error.what(), kind);
#endif
  } catch (const std::exception &error) {
    return message(error.what(), kind_of(error.what()));
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
