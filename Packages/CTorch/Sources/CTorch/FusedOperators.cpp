// Operators `nsarm::...` of libtorch's dispatcher for the CPU: what would be several passes over memory in one. x is
// float32 or bfloat16, the arithmetic float32.

#include "FusedKernels.h"

#include <algorithm>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace nsarm {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// body(begin, end) over [0, count) on libtorch's threads, at least `grain` each. at::parallel_for is a template over
// OpenMP, which would run on one thread here, where OpenMP is not compiled in; the loop of TensorIterator is part of
// libtorch. Its "elements" are the tasks.
template <class Body>
void parallel(int64_t count, int64_t grain, const Body &body) {
  int64_t tasks = std::min<int64_t>(at::get_num_threads(), (count + grain - 1) / grain);
  if (tasks <= 1 || at::in_parallel_region()) {
    if (count > 0) body(0, count);
    return;
  }
  Tensor places = at::empty({tasks}, at::kByte);
  auto first = static_cast<char *>(places.data_ptr());
  auto iterator = at::TensorIterator::borrowing_nullary_op(places);
  iterator.for_each(
      [&](char **data, const int64_t *, int64_t size, int64_t) {
        for (int64_t task = data[0] - first, end = task + size; task < end; task++)
          body(count * task / tasks, count * (task + 1) / tasks);
      },
      1);
}

// Rows of `channels` that are worth a thread.
int64_t grain(int64_t channels) { return std::max<int64_t>(1, 8192 / std::max<int64_t>(1, channels)); }

// Parts of a group of rows that sums are taken over one by one: by the sizes alone, so that results do not depend on
// the number of threads.
int64_t chunk_count(int64_t groups, int64_t rows_per_group) {
  int64_t wanted = std::max<int64_t>(1, 64 / std::max<int64_t>(1, groups));
  return std::clamp<int64_t>(rows_per_group / 16, 1, wanted);
}

Element element(const Tensor &x) {
  switch (x.scalar_type()) {
    case at::kFloat: return Element::float32;
    case at::kBFloat16: return Element::bfloat16;
    case at::kByte: return Element::uint8;
    default: TORCH_CHECK(false, "fused operators take float32 or bfloat16, not ", x.scalar_type());
  }
}

void check_float(const Tensor &x) {
  TORCH_CHECK(x.scalar_type() == at::kFloat && x.device().is_cpu(), "expected float32 on the CPU");
}

// A scale, shift or gate [B or 1, 1, C] of x [B, L, C].
void check_modulation(const Tensor &m, const Tensor &x) {
  check_float(m);
  TORCH_CHECK(x.dim() == 3 && m.dim() == 3 && m.size(1) == 1 && m.size(2) == x.size(2) &&
                  (m.size(0) == 1 || m.size(0) == x.size(0)),
              "modulation ", m.sizes(), " does not fit ", x.sizes());
}

// Sums [B, chunks, C] as the gradient of a modulation of `size` [B or 1, 1, C].
Tensor modulation_gradient(const Tensor &sums, at::IntArrayRef size) {
  return (size[0] == 1 ? sums.sum(at::IntArrayRef{0, 1}) : sums.sum(1)).view(size);
}

bool needs_graph(std::initializer_list<Tensor> inputs) {
  return c10::GradMode::is_enabled() &&
         std::any_of(inputs.begin(), inputs.end(), [](const Tensor &x) { return x.requires_grad(); });
}

void refuse_second_derivatives() {
  TORCH_CHECK(!c10::GradMode::is_enabled(), "fused operators have no second derivatives");
}

// MARK: Layer normalisation

// Operands of a normalisation, kept in memory order; `mean` and `deviation` are undefined where not wanted.
struct NormOperands {
  Tensor x, weight, bias;
  int64_t channels, groups;
  double offset;
  bool silu;
  Tensor mean, inverse_deviation;

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

  // dy in x's memory order -> dx, and sums [groups, chunks, 2, C] of the gradients of weight and bias.
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

NormOperands channel_operands(const Tensor &x, const Tensor &weight, const Tensor &bias, bool silu) {
  TORCH_CHECK(x.dim() == 4 && weight.numel() == x.size(1) && bias.numel() == x.size(1),
              "channel_norm takes [B, C, H, W] with a weight and a bias per channel, not ", x.sizes());
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

Tensor modulated_norm_quantized(const Tensor &x, const Tensor &scale, const Tensor &shift,
                                double epsilon, double scale_q, int64_t zero_point) {
  auto o = modulated_operands(x, scale, shift);
  return o.into(at::empty_like(o.x, at::kByte), epsilon,
                {static_cast<float>(scale_q), static_cast<int32_t>(zero_point)});
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

Tensor quantized(const Tensor &input, double scale, int64_t zero_point) {
  Tensor x = input.is_non_overlapping_and_dense() ? input : input.contiguous();
  Tensor y = at::empty_like(x, at::kByte);
  Quantize t{x.const_data_ptr(), element(x), y.data_ptr<uint8_t>(),
             {static_cast<float>(scale), static_cast<int32_t>(zero_point)}};
  parallel(x.numel(), 32768,
           [&](int64_t begin, int64_t end) { kernels().quantize(t, begin, end); });
  return y;
}

// MARK: Attention heads

void fill(Heads &t, const Tensor &qkv, const Tensor &strength, const Tensor &cosines,
          const Tensor &sines) {
  t.type = element(qkv);
  t.length = qkv.size(1);
  t.heads = strength.numel();
  t.channels = qkv.size(2) / (3 * t.heads);
  t.qkv = qkv.const_data_ptr();
  t.strength = strength.const_data_ptr<float>();
  t.cosines = cosines.const_data_ptr<float>();
  t.sines = sines.const_data_ptr<float>();
}

using ThreeTensors = std::tuple<Tensor, Tensor, Tensor>;

ThreeTensors rotated_heads(const Tensor &qkv_, const Tensor &strength_, const Tensor &cosines_,
                           const Tensor &sines_, int64_t heads) {
  Tensor qkv = qkv_.contiguous(), strength = strength_.contiguous();
  Tensor cosines = cosines_.contiguous(), sines = sines_.contiguous();
  check_float(strength);
  check_float(cosines);
  check_float(sines);
  TORCH_CHECK(heads > 0 && qkv.dim() == 3 && qkv.size(2) % (6 * heads) == 0 &&
                  strength.numel() == heads,
              "rotated_heads takes [B, L, 3 * heads * c] with even c and a strength per head, not ",
              qkv.sizes(), " and ", strength.sizes());
  int64_t batch = qkv.size(0), length = qkv.size(1), channels = qkv.size(2) / (3 * heads);
  TORCH_CHECK(cosines.numel() == length * channels / 2 && sines.numel() == cosines.numel(),
              "rotated_heads takes cosines and sines [", length, ", ", channels / 2, "], not ",
              cosines.sizes(), " and ", sines.sizes());
  auto results = [&] { return at::empty({batch, heads, length, channels}, qkv.options()); };
  ThreeTensors result{results(), results(), results()};
  RotateHeads t;
  fill(t, qkv, strength, cosines, sines);
  t.q = std::get<0>(result).data_ptr();
  t.k = std::get<1>(result).data_ptr();
  t.v = std::get<2>(result).data_ptr();
  parallel(batch * length, grain(qkv.size(2)), [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(scratch_rows * channels);
    kernels().rotate_heads(t, begin, end, scratch.data());
  });
  return result;
}

struct RotatedHeads : torch::autograd::Function<RotatedHeads> {
  static variable_list forward(AutogradContext *context, const Tensor &qkv, const Tensor &strength,
                               const Tensor &cosines, const Tensor &sines, int64_t heads) {
    at::AutoDispatchBelowADInplaceOrView guard;
    context->save_for_backward({qkv, strength, cosines, sines});
    auto [q, k, v] = rotated_heads(qkv, strength, cosines, sines, heads);
    return {q, k, v};
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    refuse_second_derivatives();
    auto saved = context->get_saved_variables();
    Tensor qkv = saved[0].contiguous(), strength = saved[1].contiguous();
    Tensor cosines = saved[2].contiguous(), sines = saved[3].contiguous();
    Tensor dq = gradients[0].contiguous(), dk = gradients[1].contiguous();
    Tensor dv = gradients[2].contiguous(), dqkv = at::empty_like(qkv);
    RotateHeadsBackward t;
    fill(t, qkv, strength, cosines, sines);
    t.dq = dq.const_data_ptr();
    t.dk = dk.const_data_ptr();
    t.dv = dv.const_data_ptr();
    t.dqkv = dqkv.data_ptr();
    t.tokens = qkv.size(0) * qkv.size(1);
    t.chunks = chunk_count(1, t.tokens);
    Tensor sums = at::empty({t.chunks, t.heads}, at::kFloat);
    t.sums = sums.data_ptr<float>();
    parallel(t.chunks, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> scratch(scratch_rows * t.channels);
      kernels().rotate_heads_backward(t, begin, end, scratch.data());
    });
    return {dqkv, sums.sum(0).view_as(saved[1]), {}, {}, {}};
  }
};

ThreeTensors rotated_heads_autograd(const Tensor &qkv, const Tensor &strength,
                                    const Tensor &cosines, const Tensor &sines, int64_t heads) {
  if (needs_graph({qkv, strength})) {
    auto results = RotatedHeads::apply(qkv, strength, cosines, sines, heads);
    return {results[0], results[1], results[2]};
  }
  at::AutoDispatchBelowADInplaceOrView guard;
  return rotated_heads(qkv, strength, cosines, sines, heads);
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

TORCH_LIBRARY(nsarm, m) {
  m.def("channel_norm(Tensor x, Tensor weight, Tensor bias, float epsilon, bool silu) -> Tensor");
  m.def("channel_norm_quantized(Tensor x, Tensor weight, Tensor bias, float epsilon, bool silu, "
        "float scale, int zero_point) -> Tensor");
  m.def("quantized(Tensor x, float scale, int zero_point) -> Tensor");
  m.def("modulated_norm(Tensor x, Tensor scale, Tensor shift, float epsilon, "
        "ScalarType? dtype=None) -> Tensor");
  m.def("modulated_norm_quantized(Tensor x, Tensor scale, Tensor shift, float epsilon, "
        "float scale_q, int zero_point) -> Tensor");
  m.def("rotated_heads(Tensor qkv, Tensor strength, Tensor cosines, Tensor sines, int heads) "
        "-> (Tensor, Tensor, Tensor)");
  m.def("gated_residual(Tensor x, Tensor y, Tensor gate) -> Tensor");
}

TORCH_LIBRARY_IMPL(nsarm, CPU, m) {
  m.impl("channel_norm", channel_norm);
  m.impl("channel_norm_quantized", channel_norm_quantized);
  m.impl("quantized", quantized);
  m.impl("modulated_norm", modulated_norm);
  m.impl("modulated_norm_quantized", modulated_norm_quantized);
  m.impl("rotated_heads", rotated_heads);
  m.impl("gated_residual", gated_residual);
}

TORCH_LIBRARY_IMPL(nsarm, AutogradCPU, m) {
  m.impl("channel_norm", channel_norm_autograd);
  m.impl("modulated_norm", modulated_norm_autograd);
  m.impl("rotated_heads", rotated_heads_autograd);
  m.impl("gated_residual", gated_residual_autograd);
}

}  // namespace
}  // namespace nsarm
