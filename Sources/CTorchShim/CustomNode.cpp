// Nodes of autograd's graph whose backward pass is a closure of the caller's.

#include "Interop.h"

#include <algorithm>

#include <ATen/core/ivalue.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

using namespace nsarm;

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A closure that is released with the last reference to this object.
struct Closure : torch::CustomClassHolder {
  const ct_closure closure;
  explicit Closure(ct_closure closure) : closure(closure) {}
  ~Closure() override { closure.release(closure.context); }

  variable_list backward(const variable_list &gradients, size_t input_count) const {
    std::vector<ct_tensor> given, made(input_count, nullptr);
    for (const auto &gradient : gradients) given.push_back(gradient.defined() ? own(gradient) : nullptr);
    if (void *error = closure.backward(closure.context, given.data(), made.data())) {
      throw Failure(CT_CLOSURE_FAILED, "the backward pass of a node failed",
                    std::make_shared<ClosureError>(error, closure.release_error));
    }
    variable_list result;
    for (auto handle : made) {
      result.push_back(handle ? at::Tensor(Reference::reclaim(static_cast<c10::TensorImpl *>(handle)))
                              : at::Tensor());
    }
    return result;
  }
};

// The part of a node that is no tensor which gradients flow to.
struct Made {
  variable_list outputs;
  c10::intrusive_ptr<Closure> closure;
};

struct ClosureNode : torch::autograd::Function<ClosureNode> {
  static variable_list forward(AutogradContext *context, at::TensorList inputs, const Made *made) {
    context->set_materialize_grads(false);
    context->saved_data["closure"] = c10::IValue::make_capsule(made->closure);
    context->saved_data["inputs"] = static_cast<int64_t>(inputs.size());
    // The closure may keep the outputs; a node of theirs would be kept alive by itself. So these
    // are other tensors with the same memory.
    variable_list results;
    for (const auto &output : made->outputs) results.push_back(output.variable_data());
    return results;
  }

  static variable_list backward(AutogradContext *context, const variable_list &gradients) {
    auto closure = context->saved_data["closure"].toCapsule();
    auto count = context->saved_data["inputs"].toInt();
    auto results = static_cast<const Closure &>(*closure).backward(gradients, count);
    results.emplace_back();  // of `made`
    return results;
  }
};

}  // namespace

ct_message ct_custom_node(const ct_tensor *inputs, int32_t input_count, const ct_tensor *outputs,
                          int32_t output_count, ct_closure closure, ct_tensor *results) {
  return guarded([&] {
    auto owned = c10::make_intrusive<Closure>(closure);
    variable_list from;
    Made made{{}, owned};
    for (int32_t i = 0; i < input_count; i++) from.push_back(borrow(inputs[i]));
    for (int32_t i = 0; i < output_count; i++) made.outputs.push_back(borrow(outputs[i]));
    bool is_part = c10::GradMode::is_enabled() && !mode().shapes_only &&
                   std::any_of(from.begin(), from.end(), [](auto &x) { return x.requires_grad(); });
    auto to = is_part ? ClosureNode::apply(at::TensorList(from), &made) : made.outputs;
    for (int32_t i = 0; i < output_count; i++) results[i] = own(to[i]);
  });
}

void *ct_take_closure_error(void) {
  auto error = std::exchange(mode().closure_error, nullptr);
  return error ? error->take() : nullptr;
}
