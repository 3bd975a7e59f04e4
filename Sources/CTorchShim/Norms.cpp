// Layer normalisation: operators of libtorch's dispatcher around the kernels.

#include "Norms.h"

#include "FusedOperators.h"

namespace nsarm {
namespace {

// Operands of a normalisation, kept in memory order; `mean` and `deviation` are undefined where not
// wanted.
struct NormOperands {
  Tensor x, weight, bias;
  int64_t channels, groups;
  double offset;
  bool silu;
  Tensor mean = {}, inverse_deviation = {};

  int64_t rows() const { return channels ? x.numel() / channels : 0; }

  void fill(NormRows &t) const {
    t.x = x.const_data_ptr();
    t.x_type = element(x);
    t.channels = channels;
    t.group = std::max<int64_t>(1, rows() / std::max<int64_t>(1, groups));
    t.weight = weight.const_data_ptr<float>();
    t.bias = bias.const_data_ptr<float>();
    t.weight_stride = weight.numel() > channels ? channels : 0;
    t.bias_stride = bias.numel() > channels ? channels : 0;
    t.offset = static_cast<float>(offset);
    t.silu = silu;
    t.mean = mean.defined() ? mean.data_ptr<float>() : nullptr;
    t.inverse_deviation = mean.defined() ? inverse_deviation.data_ptr<float>() : nullptr;
  }

  void keep_statistics() {
    mean = at::empty({rows()}, at::kFloat);
    inverse_deviation = at::empty({rows()}, at::kFloat);
  }

  // y has x's shape and memory order.
  Tensor into(Tensor y, double epsilon, Quantization quantization = {}) const {
    Norm t;
    fill(t);
    t.y = y.data_ptr();
    t.y_type = element(y);
    t.epsilon = static_cast<float>(epsilon);
    t.quantization = quantization;
    parallel(rows(), grain(channels),
             [&](int64_t begin, int64_t end) { kernels().norm(t, begin, end); });
    return y;
  }

  // dy in x's memory order -> dx, and sums [groups, chunks, 2, C] of the gradients of weight and
  // bias.
  std::pair<Tensor, Tensor> backward(const Tensor &dy) const {
    NormBackward t;
    fill(t);
    t.dy = dy.const_data_ptr();
    t.dy_type = element(dy);
    Tensor dx = at::empty_like(x);
    t.dx = dx.data_ptr();
    t.chunks = chunk_count(groups, rows() / std::max<int64_t>(1, groups));
    Tensor sums = at::empty({groups, t.chunks, 2, channels}, at::kFloat);
    if (rows() == 0) return {dx, sums.zero_()};
    t.sums = sums.data_ptr<float>();
    parallel(groups * t.chunks, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> scratch(scratch_rows * channels);
      kernels().norm_backward(t, begin, end, scratch.data());
    });
    return {dx, sums};
  }
};

NormOperands channel_operands(const Tensor &x, const Tensor &weight, const Tensor &bias,
                              bool silu) {
  TORCH_CHECK(x.dim() == 4 && weight.numel() == x.size(1) && bias.numel() == x.size(1),
              "channel_norm takes [B, C, H, W] with a weight and a bias per channel, not ",
              x.sizes());
  check_float(weight);
  check_float(bias);
  return {x.contiguous(at::MemoryFormat::ChannelsLast), weight.contiguous(), bias.contiguous(),
          x.size(1), 1, 0, silu};
}

Tensor channel_norm(const Tensor &x, const Tensor &weight, const Tensor &bias, double epsilon,
                    bool silu) {
  auto operands = channel_operands(x, weight, bias, silu);
  return operands.into(at::empty_like(operands.x), epsilon);
}

Tensor channel_norm_quantized(const Tensor &x, const Tensor &weight, const Tensor &bias,
                              double epsilon, bool silu, double scale, int64_t zero_point) {
  auto operands = channel_operands(x, weight, bias, silu);
  return operands.into(at::empty_like(operands.x, at::kByte), epsilon,
                       {static_cast<float>(scale), static_cast<int32_t>(zero_point)});
}

struct ChannelNorm : torch::autograd::Function<ChannelNorm> {
  static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &weight,
                        const Tensor &bias, double epsilon, bool silu) {
    at::AutoDispatchBelowADInplaceOrView guard;
    auto o = channel_operands(x, weight, bias, silu);
    o.keep_statistics();
    Tensor y = o.into(at::empty_like(o.x), epsilon);
    context->save_for_backward({o.x, weight, bias, o.mean, o.inverse_deviation});
    context->saved_data["silu"] = silu;
    return y;
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    refuse_second_derivatives();
    auto saved = context->get_saved_variables();
    auto o = channel_operands(saved[0], saved[1], saved[2], context->saved_data["silu"].toBool());
    o.mean = saved[3];
    o.inverse_deviation = saved[4];
    auto [dx, sums] = o.backward(gradients[0].contiguous(at::MemoryFormat::ChannelsLast));
    Tensor total = sums.sum(at::IntArrayRef{0, 1});
    return {dx, total[0].view_as(saved[1]), total[1].view_as(saved[2]), {}, {}};
  }
};

Tensor channel_norm_autograd(const Tensor &x, const Tensor &weight, const Tensor &bias,
                             double epsilon, bool silu) {
  if (needs_graph({x, weight, bias})) return ChannelNorm::apply(x, weight, bias, epsilon, silu);
  at::AutoDispatchBelowADInplaceOrView guard;
  return channel_norm(x, weight, bias, epsilon, silu);
}

NormOperands modulated_operands(const Tensor &x, const Tensor &scale, const Tensor &shift) {
  check_float(x);
  check_modulation(scale, x);
  check_modulation(shift, x);
  return {x.contiguous(), scale.contiguous(), shift.contiguous(), x.size(2), x.size(0), 1, false};
}

using OptionalType = std::optional<at::ScalarType>;

Tensor modulated_norm(const Tensor &x, const Tensor &scale, const Tensor &shift, double epsilon,
                      OptionalType dtype) {
  auto o = modulated_operands(x, scale, shift);
  return o.into(at::empty_like(o.x, dtype.value_or(at::kFloat)), epsilon);
}

struct ModulatedNorm : torch::autograd::Function<ModulatedNorm> {
  static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &scale,
                        const Tensor &shift, double epsilon, OptionalType dtype) {
    at::AutoDispatchBelowADInplaceOrView guard;
    auto o = modulated_operands(x, scale, shift);
    o.keep_statistics();
    Tensor y = o.into(at::empty_like(o.x, dtype.value_or(at::kFloat)), epsilon);
    context->save_for_backward({o.x, scale, shift, o.mean, o.inverse_deviation});
    return y;
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    refuse_second_derivatives();
    auto saved = context->get_saved_variables();
    auto o = modulated_operands(saved[0], saved[1], saved[2]);
    o.mean = saved[3];
    o.inverse_deviation = saved[4];
    auto [dx, sums] = o.backward(gradients[0].contiguous());
    return {dx, modulation_gradient(sums.select(2, 0), saved[1].sizes()),
            modulation_gradient(sums.select(2, 1), saved[2].sizes()), {}, {}};
  }
};

Tensor modulated_norm_autograd(const Tensor &x, const Tensor &scale, const Tensor &shift,
                               double epsilon, OptionalType dtype) {
  if (needs_graph({x, scale, shift})) return ModulatedNorm::apply(x, scale, shift, epsilon, dtype);
  at::AutoDispatchBelowADInplaceOrView guard;
  return modulated_norm(x, scale, shift, epsilon, dtype);
}

TORCH_LIBRARY_FRAGMENT(nsarm, m) {
  m.def("channel_norm(Tensor x, Tensor weight, Tensor bias, float epsilon, bool silu) -> Tensor");
  m.def("channel_norm_quantized(Tensor x, Tensor weight, Tensor bias, float epsilon, bool silu, "
        "float scale, int zero_point) -> Tensor");
  m.def("modulated_norm(Tensor x, Tensor scale, Tensor shift, float epsilon, "
        "ScalarType? dtype=None) -> Tensor");
}

TORCH_LIBRARY_IMPL(nsarm, CPU, m) {
  m.impl("channel_norm", channel_norm);
  m.impl("channel_norm_quantized", channel_norm_quantized);
  m.impl("modulated_norm", modulated_norm);
}

TORCH_LIBRARY_IMPL(nsarm, AutogradCPU, m) {
  m.impl("channel_norm", channel_norm_autograd);
  m.impl("modulated_norm", modulated_norm_autograd);
}

}  // namespace
}  // namespace nsarm
