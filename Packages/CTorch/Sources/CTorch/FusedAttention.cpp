// Attention with its heads, and the gated residual of a transformer block: operators of libtorch's
// dispatcher around the kernels.

#include "FusedOperators.h"

namespace nsarm {
namespace {

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
  t.turns = cosines.size(0) * (cosines.dim() == 3 ? cosines.size(1) : 1);
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
  const int64_t half = channels / 2;
  TORCH_CHECK((cosines.sizes() == at::IntArrayRef{length, half} ||
               cosines.sizes() == at::IntArrayRef{batch, length, half}) &&
                  sines.sizes() == cosines.sizes(),
              "rotated_heads takes cosines and sines [", length, ", ", half, "], also of every ",
              "sample, not ", cosines.sizes(), " and ", sines.sizes());
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

// MARK: Attention

Rows rows_of(const Tensor &x) {
  return {x.const_data_ptr(), x.stride(0), x.stride(1), x.stride(2)};
}

Tensor attention(const Tensor &q_, const Tensor &k_, const Tensor &v_, double scale) {
  TORCH_CHECK(q_.dim() == 4 && k_.dim() == 4 && k_.sizes() == v_.sizes() &&
                  q_.size(0) == k_.size(0) && q_.size(1) == k_.size(1) &&
                  q_.size(3) == k_.size(3) && k_.size(2) > 0,
              "attention takes q [B, H, Lq, c], k and v [B, H, Lk, c], not ", q_.sizes(), ", ",
              k_.sizes(), " and ", v_.sizes());
  TORCH_CHECK(q_.scalar_type() == k_.scalar_type() && q_.scalar_type() == v_.scalar_type(),
              "attention takes operands of one type");
  TORCH_CHECK(scale > 0, "attention takes a positive scale, not ", scale);
  auto with_dense_rows = [](const Tensor &x) { return x.stride(3) == 1 ? x : x.contiguous(); };
  Tensor q = with_dense_rows(q_), k = with_dense_rows(k_), v = with_dense_rows(v_);
  int64_t batch = q.size(0), heads = q.size(1), queries = q.size(2), channels = q.size(3);
  Tensor result = at::empty({batch, queries, heads, channels}, q.options());
  Attention t{element(q), heads, queries, k.size(2), channels, rows_of(q), rows_of(k), rows_of(v),
              result.data_ptr(), static_cast<float>(scale)};
  int64_t products = std::max<int64_t>(1, std::min(queries, attention_rows) * t.keys * channels);
  parallel(batch * heads * t.blocks(), std::max<int64_t>(1, 500000 / products),
           [&](int64_t begin, int64_t end) {
             kernels().attention(t, begin, end, Scratch<float>(t.scratch()));
           });
  return result.transpose(1, 2);
}

Tensor attention_autograd(const Tensor &q, const Tensor &k, const Tensor &v, double scale) {
  TORCH_CHECK(!needs_graph({q, k, v}), "nsarm::attention has no derivatives");
  at::AutoDispatchBelowADInplaceOrView guard;
  return attention(q, k, v, scale);
}

TORCH_LIBRARY_FRAGMENT(nsarm, m) {
  m.def("attention(Tensor q, Tensor k, Tensor v, float scale) -> Tensor");
  m.def("rotated_heads(Tensor qkv, Tensor strength, Tensor cosines, Tensor sines, int heads) "
        "-> (Tensor, Tensor, Tensor)");
  m.def("gated_residual(Tensor x, Tensor y, Tensor gate) -> Tensor");
}

TORCH_LIBRARY_IMPL(nsarm, CPU, m) {
  m.impl("attention", attention);
  m.impl("rotated_heads", rotated_heads);
  m.impl("gated_residual", gated_residual);
}

TORCH_LIBRARY_IMPL(nsarm, AutogradCPU, m) {
  m.impl("attention", attention_autograd);
  m.impl("rotated_heads", rotated_heads_autograd);
  m.impl("gated_residual", gated_residual_autograd);
}

}  // namespace
}  // namespace nsarm
