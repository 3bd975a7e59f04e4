#include "CTorch.h"

#include <dlfcn.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/version.h>

namespace {

using Reference = c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

at::Tensor borrow(const void *handle) {
  return at::Tensor(Reference::reclaim_copy(
      static_cast<c10::TensorImpl *>(const_cast<void *>(handle))));
}

ct_tensor own(at::Tensor tensor) { return tensor.unsafeReleaseTensorImpl(); }

ct_message message(const std::string &text) { return strdup(text.c_str()); }

// Runs `body`; an exception becomes a message without libtorch's stack trace.
template <class Body>
ct_message guarded(Body body) {
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

const c10::Type &unwrapped(const c10::Type &type) {
  return type.kind() == c10::TypeKind::OptionalType
             ? *type.castRaw<c10::OptionalType>()->getElementType()
             : type;
}

bool is_list_of_optionals(const c10::Type &type) {
  return type.kind() == c10::TypeKind::ListType &&
         type.castRaw<c10::ListType>()->getElementType()->kind() == c10::TypeKind::OptionalType;
}

// One C value as the IValue that a schema argument of `declared` type takes.
c10::IValue lifted(const ct_value &value, const c10::Type &declared) {
  const auto &type = unwrapped(declared);
  switch (value.kind) {
    case CT_NONE: return {};
    case CT_TENSOR: return borrow(value.pointer);
    case CT_GENERATOR: return *static_cast<const at::Generator *>(value.pointer);
    case CT_BOOL: return value.integer != 0;
    case CT_INT:
      if (type.kind() == c10::TypeKind::FloatType) return static_cast<double>(value.integer);
      return value.integer;
    case CT_DOUBLE: return value.real;
    case CT_STRING: {
      std::string text(static_cast<const char *>(value.pointer));
      if (type.kind() == c10::TypeKind::DeviceObjType) return c10::Device(text);
      return text;
    }
    case CT_INTS: {
      auto elements = static_cast<const int64_t *>(value.pointer);
      if (type.kind() == c10::TypeKind::ListType &&
          type.castRaw<c10::ListType>()->getElementType()->kind() == c10::TypeKind::BoolType) {
        c10::List<bool> list;
        for (int64_t i = 0; i < value.count; i++) list.push_back(elements[i] != 0);
        return list;
      }
      c10::List<int64_t> list;
      list.reserve(value.count);
      for (int64_t i = 0; i < value.count; i++) list.push_back(elements[i]);
      return list;
    }
    case CT_DOUBLES: {
      auto elements = static_cast<const double *>(value.pointer);
      if (is_list_of_optionals(type)) {
        c10::List<std::optional<at::Scalar>> list;
        for (int64_t i = 0; i < value.count; i++) list.push_back(at::Scalar(elements[i]));
        return list;
      }
      c10::List<double> list;
      for (int64_t i = 0; i < value.count; i++) list.push_back(elements[i]);
      return list;
    }
    case CT_TENSORS: {
      auto elements = static_cast<const ct_tensor *>(value.pointer);
      if (is_list_of_optionals(type)) {
        c10::List<std::optional<at::Tensor>> list;
        for (int64_t i = 0; i < value.count; i++) {
          if (elements[i]) list.push_back(borrow(elements[i]));
          else list.push_back(std::nullopt);
        }
        return list;
      }
      c10::List<at::Tensor> list;
      list.reserve(value.count);
      for (int64_t i = 0; i < value.count; i++) list.push_back(borrow(elements[i]));
      return list;
    }
  }
  TORCH_CHECK(false, "unknown kind of argument: ", value.kind);
}

void lower(const c10::IValue &value, std::vector<ct_value> &results) {
  ct_value result{};
  if (value.isTensor()) {
    result.kind = CT_TENSOR;
    result.pointer = own(value.toTensor());
  } else if (value.isTensorList()) {
    for (const auto &tensor : value.toTensorVector()) lower(c10::IValue(tensor), results);
    return;
  } else if (value.isBool()) {
    result.kind = CT_BOOL;
    result.integer = value.toBool();
  } else if (value.isInt()) {
    result.kind = CT_INT;
    result.integer = value.toInt();
  } else if (value.isDouble()) {
    result.kind = CT_DOUBLE;
    result.real = value.toDouble();
  } else {
    TORCH_CHECK(false, "unsupported kind of result: ", value.tagKind());
  }
  results.push_back(result);
}

}  // namespace

void ct_free_message(ct_message message) { free(message); }

void ct_keep_freed_memory(void) {
#ifdef __GLIBC__
  // One arena, since a thread's own arena would keep what other threads need, and consists of heaps of
  // 64 MB that larger blocks do not fit.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

ct_message ct_load_library(const char *path) {
  if (dlopen(path, RTLD_NOW | RTLD_GLOBAL)) return nullptr;
  return message(dlerror());
}

bool ct_device_available(const char *type) {
  std::string name(type);
  try {
    if (name == "cpu") return true;
    if (name == "cuda") return at::hasCUDA() && at::detail::getCUDAHooks().deviceCount() > 0;
    if (name == "mps") return at::hasMPS();
  } catch (...) {
  }
  return false;
}

void ct_set_thread_count(int32_t count) { at::set_num_threads(count); }
int32_t ct_thread_count(void) { return at::get_num_threads(); }
const char *ct_version(void) { return TORCH_VERSION; }

bool ct_set_grad_mode(bool enabled) {
  bool previous = c10::GradMode::is_enabled();
  c10::GradMode::set_enabled(enabled);
  return previous;
}

// The cache finds a cast weight by the weight alone, so that it must not outlive a change of the type, nor
// the outermost region, since an optimiser changes weights in place.
static void set_autocast(c10::DeviceType type, bool enabled, at::ScalarType dtype) {
  if (dtype != at::autocast::get_autocast_dtype(type)) {
    at::autocast::clear_cache();
    at::autocast::set_autocast_dtype(type, dtype);
  }
  at::autocast::set_autocast_enabled(type, enabled);
}

ct_autocast ct_enter_autocast(const char *device, bool enabled, int32_t dtype) {
  auto type = c10::Device(std::string(device)).type();
  auto current = at::autocast::get_autocast_dtype(type);
  ct_autocast outer{at::autocast::is_autocast_enabled(type), static_cast<int32_t>(current)};
  at::autocast::increment_nesting();
  set_autocast(type, enabled, enabled ? static_cast<at::ScalarType>(dtype) : current);
  return outer;
}

int32_t ct_autocast_dtype(const char *device) {
  auto type = c10::Device(std::string(device)).type();
  return at::autocast::is_autocast_enabled(type)
             ? static_cast<int32_t>(at::autocast::get_autocast_dtype(type)) : -1;
}

void ct_leave_autocast(const char *device, ct_autocast outer) {
  set_autocast(c10::Device(std::string(device)).type(), outer.enabled,
               static_cast<at::ScalarType>(outer.dtype));
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
}

ct_message ct_find_operator(const char *name, const char *overload, ct_operator *result) {
  return guarded([&] {
    auto found = c10::Dispatcher::singleton().findSchema({name, overload});
    TORCH_CHECK(found.has_value(), "libtorch ", TORCH_VERSION, " has no operator ", name, ".", overload);
    *result = new c10::OperatorHandle(*found);
  });
}

ct_message ct_call(ct_operator op, const ct_value *arguments, int32_t count, ct_value *results,
                   int32_t *result_count) {
  return guarded([&] {
    const auto &handle = *static_cast<c10::OperatorHandle *>(op);
    const auto &declared = handle.schema().arguments();
    TORCH_CHECK(count <= static_cast<int32_t>(declared.size()), handle.schema().name(), " takes ",
                declared.size(), " arguments, not ", count);
    c10::Stack stack;
    stack.reserve(declared.size());
    for (int32_t i = 0; i < count; i++) stack.push_back(lifted(arguments[i], *declared[i].type()));
    for (size_t i = count; i < declared.size(); i++) {
      const auto &fallback = declared[i].default_value();
      TORCH_CHECK(fallback.has_value(), handle.schema().name(), ": no value for ", declared[i].name());
      stack.push_back(*fallback);
    }
    handle.callBoxed(stack);
    std::vector<ct_value> lowered;
    for (const auto &value : stack) lower(value, lowered);
    TORCH_CHECK(static_cast<int32_t>(lowered.size()) <= *result_count, handle.schema().name(),
                " returned ", lowered.size(), " values, room for ", *result_count);
    std::copy(lowered.begin(), lowered.end(), results);
    *result_count = static_cast<int32_t>(lowered.size());
  });
}

ct_message ct_generator_create(uint64_t seed, ct_generator *result) {
  return guarded([&] { *result = new at::Generator(at::detail::createCPUGenerator(seed)); });
}

void ct_generator_release(ct_generator generator) {
  delete static_cast<at::Generator *>(generator);
}

ct_message ct_tensor_copying(const void *bytes, int32_t dtype, const int64_t *sizes, int32_t dimensions,
                             ct_tensor *result) {
  return guarded([&] {
    auto tensor = at::empty(at::IntArrayRef(sizes, dimensions), static_cast<at::ScalarType>(dtype));
    if (tensor.nbytes()) memcpy(tensor.data_ptr(), bytes, tensor.nbytes());
    *result = own(std::move(tensor));
  });
}

ct_message ct_tensor_wrapping(void *bytes, int32_t dtype, const int64_t *sizes, int32_t dimensions,
                              void (*release)(void *), void *context, ct_tensor *result) {
  return guarded([&] {
    *result = own(at::from_blob(
        bytes, at::IntArrayRef(sizes, dimensions), [=](void *) { release(context); },
        at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype))));
  });
}

void ct_tensor_release(ct_tensor tensor) {
  Reference::reclaim(static_cast<c10::TensorImpl *>(tensor));  // dropped at once
}

int32_t ct_tensor_dimensions(ct_tensor tensor) {
  return static_cast<int32_t>(static_cast<c10::TensorImpl *>(tensor)->dim());
}

void ct_tensor_sizes(ct_tensor tensor, int64_t *sizes) {
  auto shape = static_cast<c10::TensorImpl *>(tensor)->sizes();
  std::copy(shape.begin(), shape.end(), sizes);
}

int32_t ct_tensor_dtype(ct_tensor tensor) {
  return static_cast<int32_t>(borrow(tensor).scalar_type());
}

void ct_tensor_device(ct_tensor tensor, char *text, int32_t capacity) {
  strncpy(text, borrow(tensor).device().str().c_str(), capacity - 1);
  text[capacity - 1] = 0;
}

bool ct_tensor_is_contiguous(ct_tensor tensor) { return borrow(tensor).is_contiguous(); }

void *ct_tensor_data(ct_tensor tensor) {
  auto borrowed = borrow(tensor);
  return borrowed.device().is_cpu() ? borrowed.data_ptr() : nullptr;
}

bool ct_tensor_requires_grad(ct_tensor tensor) { return borrow(tensor).requires_grad(); }

ct_message ct_tensor_set_requires_grad(ct_tensor tensor, bool value) {
  return guarded([&] { borrow(tensor).requires_grad_(value); });
}

ct_tensor ct_tensor_grad(ct_tensor tensor) {
  auto grad = borrow(tensor).grad();
  return grad.defined() ? own(grad) : nullptr;
}

void ct_tensor_clear_grad(ct_tensor tensor) { borrow(tensor).mutable_grad().reset(); }

ct_message ct_backward(ct_tensor loss) {
  return guarded([&] { torch::autograd::backward({borrow(loss)}, {}); });
}

ct_message ct_gradients(const ct_tensor *outputs, const ct_tensor *weights, int32_t output_count,
                        const ct_tensor *inputs, int32_t input_count, bool retain_graph,
                        ct_tensor *results) {
  return guarded([&] {
    torch::autograd::variable_list from, weighting, to;
    for (int32_t i = 0; i < output_count; i++) {
      from.push_back(borrow(outputs[i]));
      if (weights) weighting.push_back(borrow(weights[i]));
    }
    for (int32_t i = 0; i < input_count; i++) to.push_back(borrow(inputs[i]));
    auto grads = torch::autograd::grad(from, to, weighting, retain_graph, false, true);
    for (int32_t i = 0; i < input_count; i++) results[i] = grads[i].defined() ? own(grads[i]) : nullptr;
  });
}
