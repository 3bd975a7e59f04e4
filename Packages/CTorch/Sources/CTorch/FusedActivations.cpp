// GELU: an operator of libtorch's dispatcher around the kernels.

#include "FusedOperators.h"

namespace nsarm {
namespace {

constexpr int64_t elements_per_thread = 16384;  // at least

Tensor gelu_tanh(const Tensor &input) {
  Tensor x = input.is_non_overlapping_and_dense() ? input : input.contiguous();
  Tensor y = at::empty_like(x);
  Activation t{element(x), x.const_data_ptr(), y.data_ptr()};
  TORCH_CHECK(t.type != Element::uint8, "gelu_tanh takes float32 or bfloat16");
  parallel(x.numel(), elements_per_thread,
           [&](int64_t begin, int64_t end) { kernels().gelu(t, begin, end); });
  return y;
}

struct GELU : torch::autograd::Function<GELU> {
  static Tensor forward(AutogradContext *context, const Tensor &x) {
    at::AutoDispatchBelowADInplaceOrView guard;
    context->save_for_backward({x});
    return gelu_tanh(x);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    refuse_second_derivatives();
    Tensor input = context->get_saved_variables()[0];
    Tensor x = input.is_non_overlapping_and_dense() ? input : input.contiguous();
    Tensor dx = at::empty_like(x), dy = gradients[0];
    // In the memory order of x.
    if (dy.strides() != x.strides()) dy = at::empty_like(x).copy_(dy);
    ActivationBackward t{element(x), x.const_data_ptr(), dy.const_data_ptr(), dx.data_ptr()};
    parallel(x.numel(), elements_per_thread,
             [&](int64_t begin, int64_t end) { kernels().gelu_backward(t, begin, end); });
    return {dx};
  }
};

Tensor gelu_tanh_autograd(const Tensor &x) {
  if (needs_graph({x})) return GELU::apply(x);
  at::AutoDispatchBelowADInplaceOrView guard;
  return gelu_tanh(x);
}

TORCH_LIBRARY_FRAGMENT(nsarm, m) { m.def("gelu_tanh(Tensor x) -> Tensor"); }

TORCH_LIBRARY_IMPL(nsarm, CPU, m) { m.impl("gelu_tanh", gelu_tanh); }

TORCH_LIBRARY_IMPL(nsarm, AutogradCPU, m) { m.impl("gelu_tanh", gelu_tanh_autograd); }

}  // namespace
}  // namespace nsarm
