// Attention in floating point: an operator of libtorch's dispatcher around the kernel.

#include "Attention.h"

#include "FusedOperators.h"

namespace nsarm {
namespace {

Tensor attention(const Tensor &q_, const Tensor &k_, const Tensor &v_, double scale) {
  TORCH_CHECK(q_.dim() == 4 && k_.dim() == 4 && k_.sizes() == v_.sizes() &&
                  q_.size(0) == k_.size(0) && q_.size(1) == k_.size(1) &&
                  q_.size(3) == k_.size(3) && k_.size(2) > 0,
              "attention takes q [B, H, Lq, c], k and v [B, H, Lk, c], not ", q_.sizes(), ", ",
              k_.sizes(), " and ", v_.sizes());
  TORCH_CHECK(q_.scalar_type() == k_.scalar_type() && q_.scalar_type() == v_.scalar_type(),
              "attention takes operands of one type");
  TORCH_CHECK(scale > 0, "attention takes a positive scale, not ", scale);
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
}

TORCH_LIBRARY_IMPL(nsarm, CPU, m) { m.impl("attention", attention); }

TORCH_LIBRARY_IMPL(nsarm, AutogradCPU, m) { m.impl("attention", attention_autograd); }

}  // namespace
}  // namespace nsarm
