#include "Interop.h"

#include <vector>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/version.h>

using namespace nsarm;

namespace {

const c10::Type &unwrapped(const c10::Type &type) {
  return type.kind() == c10::TypeKind::OptionalType
             ? *type.castRaw<c10::OptionalType>()->getElementType()
             : type;
}

bool is_list_of_optionals(const c10::Type &type) {
  return type.kind() == c10::TypeKind::ListType &&
         type.castRaw<c10::ListType>()->getElementType()->kind() == c10::TypeKind::OptionalType;
}

at::Tensor tensor(const void *handle) {
  return mode().shapes_only ? shape_of(borrow(handle)) : borrow(handle);
}

// One C value as the IValue that a schema argument of `declared` type takes.
c10::IValue lifted(const ct_value &value, const c10::Type &declared) {
  const auto &type = unwrapped(declared);
  switch (value.kind) {
    case CT_NONE: return {};
    case CT_TENSOR: return tensor(value.pointer);
    case CT_GENERATOR: return *static_cast<const at::Generator *>(value.pointer);
    case CT_BOOL: return value.integer != 0;
    case CT_INT:
      if (type.kind() == c10::TypeKind::FloatType) return static_cast<double>(value.integer);
      return value.integer;
    case CT_DOUBLE: return value.real;
    case CT_STRING: {
      std::string text(static_cast<const char *>(value.pointer));
      if (type.kind() == c10::TypeKind::DeviceObjType) {
        return mode().shapes_only ? c10::Device(c10::kMeta) : c10::Device(text);
      }
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
          if (elements[i]) list.push_back(tensor(elements[i]));
          else list.push_back(std::nullopt);
        }
        return list;
      }
      c10::List<at::Tensor> list;
      list.reserve(value.count);
      for (int64_t i = 0; i < value.count; i++) list.push_back(tensor(elements[i]));
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

// Results on their way to the caller; where they do not get there, the tensors among them are
// released.
struct Results {
  std::vector<ct_value> values;

  ~Results() {
    for (const auto &value : values)
      if (value.kind == CT_TENSOR) ct_tensor_release(const_cast<void *>(value.pointer));
  }
};

}  // namespace

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
    if (mode().calls_to_failure >= 0 && mode().calls_to_failure-- == 0) {
      throw c10::AcceleratorError({__func__, __FILE__, __LINE__}, 1, "device error: asked for by a test");
    }
    const auto &handle = *static_cast<c10::OperatorHandle *>(op);
    const auto &declared = handle.schema().arguments();
    TORCH_CHECK(count <= static_cast<int32_t>(declared.size()), handle.schema().name(), " takes ",
                declared.size(), " arguments, not ", count);
    c10::Stack stack;
    stack.reserve(declared.size());
    for (int32_t i = 0; i < count; i++) stack.push_back(lifted(arguments[i], *declared[i].type()));
    for (size_t i = count; i < declared.size(); i++) {
      if (mode().shapes_only && declared[i].name() == "device") {
        stack.push_back(c10::Device(c10::kMeta));
        continue;
      }
      const auto &fallback = declared[i].default_value();
      TORCH_CHECK(fallback.has_value(), handle.schema().name(), ": no value for ", declared[i].name());
      stack.push_back(*fallback);
    }
    if (mode().shapes_only) {
      c10::AutoGradMode without_graph(false);
      handle.callBoxed(stack);
    } else {
      handle.callBoxed(stack);
    }
    Results lowered;
    for (const auto &value : stack) lower(value, lowered.values);
    int32_t returned = static_cast<int32_t>(lowered.values.size());
    TORCH_CHECK(returned <= *result_count, handle.schema().name(), " returned ", returned,
                " values, room for ", *result_count);
    std::copy(lowered.values.begin(), lowered.values.end(), results);
    lowered.values.clear();  // they are the caller's now
    *result_count = returned;
  });
}

ct_message ct_generator_create(uint64_t seed, ct_generator *result) {
  return guarded([&] { *result = new at::Generator(at::detail::createCPUGenerator(seed)); });
}

void ct_generator_release(ct_generator generator) {
  delete static_cast<at::Generator *>(generator);
}
