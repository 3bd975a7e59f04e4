// Quantisation to 8 bits, GELU and gated residuals: operators of libtorch's dispatcher around the
// kernels.

#include "Elements.h"

#include "FusedOperators.h"

namespace nsarm {
namespace {

Tensor quantized(const Tensor &input, double scale, int64_t zero_point) {
  Tensor x = input.is_non_overlapping_and_dense() ? input : input.contiguous();
  Tensor y = at::empty_like(x, at::kByte);
  Quantize t{x.const_data_ptr(), element(x), y.data_ptr<uint8_t>(),
             {static_cast<float>(scale), static_cast<int32_t>(zero_point)}};
  parallel(x.numel(), 32768,
           [&](int64_t begin, int64_t end) { kernels().quantize(t, begin, end); });
  return y;
}

// MARK: GELU

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

// MARK: Gated residual

void fill(GateRows &t, const Tensor &y, const Tensor &gate) {
  t.y = y.const_data_ptr();
  t.y_type = element(y);
  t.gate = gate.const_data_ptr<float>();
  t.channels = y.size(2);
  t.group = std::max<int64_t>(1, y.size(1));
  t.gate_stride = gate.size(0) > 1 ? t.channels : 0;
}

Tensor gated_residual(const Tensor &x_, const Tensor &y_, const Tensor &gate_) {
  check_float(x_);
  check_modulation(gate_, x_);
  TORCH_CHECK(x_.sizes() == y_.sizes(), "residual of ", x_.sizes(), " and ", y_.sizes());
  Tensor x = x_.contiguous(), y = y_.contiguous(), gate = gate_.contiguous();
  Tensor result = at::empty_like(x);
  Gate t;
  fill(t, y, gate);
  t.x = x.const_data_ptr<float>();
  t.result = result.data_ptr<float>();
  parallel(x.size(0) * x.size(1), grain(x.size(2)),
           [&](int64_t begin, int64_t end) { kernels().gate(t, begin, end); });
  return result;
}

struct GatedResidual : torch::autograd::Function<GatedResidual> {
  static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &y,
                        const Tensor &gate) {
    at::AutoDispatchBelowADInplaceOrView guard;
    context->save_for_backward({y, gate});
    return gated_residual(x, y, gate);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    refuse_second_derivatives();
    auto saved = context->get_saved_variables();
    Tensor y = saved[0].contiguous(), gate = saved[1].contiguous();
    Tensor dresult = gradients[0].contiguous(), dy = at::empty_like(y);
    GateBackward t;
    fill(t, y, gate);
    t.dresult = dresult.const_data_ptr<float>();
    t.dy = dy.data_ptr();
    t.chunks = chunk_count(y.size(0), y.size(1));
    Tensor sums = at::empty({y.size(0), t.chunks, y.size(2)}, at::kFloat);
    if (y.numel() == 0) return {dresult, dy, at::zeros_like(gate)};
    t.sums = sums.data_ptr<float>();
    parallel(y.size(0) * t.chunks, 1,
             [&](int64_t begin, int64_t end) { kernels().gate_backward(t, begin, end); });
    return {dresult, dy, modulation_gradient(sums, saved[1].sizes())};
  }
};

Tensor gated_residual_autograd(const Tensor &x, const Tensor &y, const Tensor &gate) {
  if (needs_graph({x, y, gate})) return GatedResidual::apply(x, y, gate);
  at::AutoDispatchBelowADInplaceOrView guard;
  return gated_residual(x, y, gate);
}

TORCH_LIBRARY_FRAGMENT(nsarm, m) {
  m.def("quantized(Tensor x, float scale, int zero_point) -> Tensor");
  m.def("gelu_tanh(Tensor x) -> Tensor");
  m.def("gated_residual(Tensor x, Tensor y, Tensor gate) -> Tensor");
}

TORCH_LIBRARY_IMPL(nsarm, CPU, m) {
  m.impl("quantized", quantized);
  m.impl("gelu_tanh", gelu_tanh);
  m.impl("gated_residual", gated_residual);
}

TORCH_LIBRARY_IMPL(nsarm, AutogradCPU, m) {
  m.impl("gelu_tanh", gelu_tanh_autograd);
  m.impl("gated_residual", gated_residual_autograd);
}

}  // namespace
}  // namespace nsarm
