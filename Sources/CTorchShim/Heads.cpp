// Attention heads with rotary positions: an operator of libtorch's dispatcher around the kernels.

#include "Heads.h"

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

TORCH_LIBRARY_FRAGMENT(nsarm, m) {
  m.def("rotated_heads(Tensor qkv, Tensor strength, Tensor cosines, Tensor sines, int heads) "
        "-> (Tensor, Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(nsarm, CPU, m) { m.impl("rotated_heads", rotated_heads); }

TORCH_LIBRARY_IMPL(nsarm, AutogradCPU, m) { m.impl("rotated_heads", rotated_heads_autograd); }

}  // namespace
}  // namespace nsarm
