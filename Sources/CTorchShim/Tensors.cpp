#include "Interop.h"
#include "Reductions.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>

using namespace nsarm;

ct_message ct_tensor_copying(const void *bytes, int32_t dtype, const int64_t *sizes, int32_t dimensions,
                             ct_tensor *result) {
  return guarded([&] {
    auto options = at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype));
    if (mode().shapes_only) options = options.device(c10::kMeta);
    auto tensor = at::empty(at::IntArrayRef(sizes, dimensions), options);
    if (tensor.nbytes() && !tensor.is_meta()) memcpy(tensor.data_ptr(), bytes, tensor.nbytes());
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

ct_tensor ct_tensor_retain(ct_tensor tensor) { return own(borrow(tensor)); }

int32_t ct_tensor_dimensions(ct_tensor tensor) {
  return guarded_or(0, [&] {
    return static_cast<int32_t>(static_cast<c10::TensorImpl *>(tensor)->dim());
  });
}

ct_message ct_tensor_sizes(ct_tensor tensor, int64_t *sizes) {
  return guarded([&] {
    auto shape = static_cast<c10::TensorImpl *>(tensor)->sizes();
    std::copy(shape.begin(), shape.end(), sizes);
  });
}

int32_t ct_tensor_dtype(ct_tensor tensor) {
  return guarded_or(-1, [&] { return static_cast<int32_t>(borrow(tensor).scalar_type()); });
}

ct_message ct_tensor_device(ct_tensor tensor, char *text, int32_t capacity) {
  return guarded([&] {
    auto device = borrow(tensor).device();
    strncpy(text, device.is_meta() ? "cpu" : device.str().c_str(), capacity - 1);
    text[capacity - 1] = 0;
  });
}

bool ct_tensor_is_contiguous(ct_tensor tensor) {
  return guarded_or(false, [&] { return borrow(tensor).is_contiguous(); });
}

void *ct_tensor_data(ct_tensor tensor) {
  return guarded_or(static_cast<void *>(nullptr), [&] {
    auto borrowed = borrow(tensor);
    return borrowed.device().is_cpu() ? borrowed.data_ptr() : nullptr;
  });
}

bool ct_tensor_requires_grad(ct_tensor tensor) {
  return guarded_or(false, [&] { return borrow(tensor).requires_grad(); });
}

ct_message ct_tensor_set_requires_grad(ct_tensor tensor, bool value) {
  return guarded([&] { borrow(tensor).requires_grad_(value); });
}

ct_tensor ct_tensor_grad(ct_tensor tensor) {
  return guarded_or(static_cast<ct_tensor>(nullptr), [&] {
    auto grad = borrow(tensor).grad();
    return grad.defined() ? own(grad) : nullptr;
  });
}

ct_message ct_tensor_clear_grad(ct_tensor tensor) {
  return guarded([&] { borrow(tensor).mutable_grad().reset(); });
}

ct_message ct_backward(ct_tensor loss) {
  return guarded([&] {
    with_reductions([&] { torch::autograd::backward({borrow(loss)}, {}); });
  });
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
