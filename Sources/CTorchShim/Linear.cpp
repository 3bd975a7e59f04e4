// Linear layers in floating point with a packed matrix: operators of libtorch's dispatcher around
// the kernels.

#include "Linear.h"

#include "FusedOperators.h"

namespace nsarm {
namespace {

// [O, I] to the layout of this thread's kernels.
Tensor pack_linear(const Tensor &matrix_) {
  TORCH_CHECK(matrix_.dim() == 2 && matrix_.numel() > 0 && matrix_.device().is_cpu(),
              "pack_linear takes a matrix on the CPU, not ", matrix_.sizes());
  Tensor matrix = matrix_.contiguous();
  PackLinear t{element(matrix), matrix.const_data_ptr(), matrix.size(0), matrix.size(1), nullptr};
  TORCH_CHECK(t.type != Element::uint8, "pack_linear takes float32 or bfloat16");
  Tensor packed = at::zeros({kernels().linear_size(t.type, t.outputs, t.inputs)}, at::kInt);
  t.packed = reinterpret_cast<uint32_t *>(packed.data_ptr<int32_t>());
  parallel(t.panels(), grain(t.inputs * gemm_panel),
           [&](int64_t begin, int64_t end) { kernels().pack_linear(t, begin, end); });
  return packed;
}

// x [..., I] and a packed matrix [O, I] of the same type -> [..., O].
Tensor packed_linear(const Tensor &x_, const Tensor &packed, int64_t outputs,
                     const std::optional<Tensor> &bias_, bool gelu) {
  TORCH_CHECK(x_.dim() > 0 && x_.size(-1) > 0 && x_.device().is_cpu(),
              "packed_linear takes rows on the CPU, not ", x_.sizes());
  Tensor x = x_.contiguous(), bias;
  const int64_t inputs = x.size(-1);
  const Element type = element(x);
  TORCH_CHECK(type != Element::uint8 && outputs > 0 && packed.is_contiguous() &&
                  packed.scalar_type() == at::kInt &&
                  packed.numel() == kernels().linear_size(type, outputs, inputs),
              "rows of ", inputs, " inputs do not fit the matrix");
  if (bias_.has_value()) {
    bias = bias_->to(at::kFloat).contiguous();
    TORCH_CHECK(bias.numel() == outputs, "a bias ", bias.sizes(), " for ", outputs, " outputs");
  }
  auto sizes = x.sizes().vec();
  sizes.back() = outputs;
  Tensor y = at::empty(sizes, x.options());
  Linear t{type, x.numel() / inputs, inputs, outputs, x.const_data_ptr(),
           reinterpret_cast<const uint32_t *>(packed.const_data_ptr<int32_t>()),
           bias.defined() ? bias.const_data_ptr<float>() : nullptr, gelu, y.data_ptr()};
  const int64_t products = std::min(t.rows, linear_rows) * inputs *
                           std::min(outputs, linear_panels * gemm_panel);
  parallel(t.tasks(), std::max<int64_t>(1, 500000 / std::max<int64_t>(1, products)),
           [&](int64_t begin, int64_t end) {
             kernels().linear(t, begin, end, Scratch<float>(t.scratch()));
           });
  return y;
}

Tensor packed_linear_autograd(const Tensor &x, const Tensor &packed, int64_t outputs,
                              const std::optional<Tensor> &bias, bool gelu) {
  TORCH_CHECK(!needs_graph({x, bias ? *bias : Tensor()}),
              "nsarm::packed_linear has no derivatives");
  at::AutoDispatchBelowADInplaceOrView guard;
  return packed_linear(x, packed, outputs, bias, gelu);
}

TORCH_LIBRARY_FRAGMENT(nsarm, m) {
  m.def("pack_linear(Tensor matrix) -> Tensor");
  m.def("packed_linear(Tensor x, Tensor packed, int outputs, Tensor? bias, bool gelu) -> Tensor");
}

TORCH_LIBRARY_IMPL(nsarm, CPU, m) {
  m.impl("pack_linear", pack_linear);
  m.impl("packed_linear", packed_linear);
}

TORCH_LIBRARY_IMPL(nsarm, AutogradCPU, m) { m.impl("packed_linear", packed_linear_autograd); }

}  // namespace
}  // namespace nsarm
