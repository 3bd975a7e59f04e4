// Products in 8 bits: operators of libtorch's dispatcher around the kernels.

#include "QuantizedLinear.h"

#include "FusedOperators.h"

namespace nsarm {
namespace {

int64_t panels(int64_t outputs) { return ceil_div(outputs, kernels().panel_outputs); }
int64_t blocks(int64_t rows) { return ceil_div(rows, kernels().block_rows); }
int64_t padded_inputs(int64_t inputs) { return round_up(inputs, kernels().input_step); }

// Packed numbers. libtorch's memory begins with a line of the cache.
Tensor packed_numbers(int64_t rows, int64_t inputs) {
  return at::empty({rows * padded_inputs(inputs)}, at::kByte);
}

MatrixFormat format(const Tensor &matrix) {
  switch (matrix.scalar_type()) {
    case at::kFloat: return MatrixFormat::float32;
    case at::kBFloat16: return MatrixFormat::bfloat16;
    case at::kChar: return MatrixFormat::int8;
    case at::kByte: return MatrixFormat::int4;
    default: TORCH_CHECK(false, "no 8-bit form of a matrix of ", matrix.scalar_type());
  }
}

// A matrix [O, I], with `scales` [O] in int8 and [O, I / group] in int4 -> packed, scales [O],
// offsets [O].
std::tuple<Tensor, Tensor, Tensor> pack_matrix(const Tensor &matrix_,
                                               const std::optional<Tensor> &scales_) {
  TORCH_CHECK(matrix_.dim() == 2 && matrix_.device().is_cpu(), "expected a matrix on the CPU");
  Tensor matrix = matrix_.contiguous(), matrix_scales;
  PackMatrix t{};
  t.format = format(matrix);
  t.outputs = matrix.size(0);
  t.inputs = matrix.size(1) * (t.format == MatrixFormat::int4 ? 2 : 1);
  t.group = 1;
  if (t.format == MatrixFormat::int8 || t.format == MatrixFormat::int4) {
    TORCH_CHECK(scales_.has_value(), "a quantised matrix needs its scales");
    matrix_scales = scales_->to(at::kFloat).contiguous();
    int64_t expected = t.outputs;
    if (t.format == MatrixFormat::int4) {
      TORCH_CHECK(matrix_scales.dim() == 2 && matrix_scales.size(1) > 0 &&
                      t.inputs % (2 * matrix_scales.size(1)) == 0,
                  "scales ", matrix_scales.sizes(), " do not fit ", t.inputs, " inputs");
      t.group = t.inputs / matrix_scales.size(1);
      expected = t.outputs * matrix_scales.size(1);
    }
    TORCH_CHECK(matrix_scales.numel() == expected, "scales ", matrix_scales.sizes(),
                " do not fit a matrix ", matrix.sizes());
    t.matrix_scales = matrix_scales.const_data_ptr<float>();
  }
  t.matrix = matrix.const_data_ptr();
  Tensor packed = packed_numbers(panels(t.outputs) * kernels().panel_outputs, t.inputs);
  Tensor scales = at::empty({t.outputs}, at::kFloat), offsets = at::empty({t.outputs}, at::kInt);
  t.packed = packed.data_ptr<uint8_t>();
  t.scales = scales.data_ptr<float>();
  t.offsets = offsets.data_ptr<int32_t>();
  parallel(panels(t.outputs), 1, [&](int64_t begin, int64_t end) {
    kernels().pack_matrix(t, begin, end, Scratch<float>(packing_scratch(t.inputs)));
  });
  return {packed, scales, offsets};
}

// x [..., I] and a packed matrix [O, I] -> [..., O] of type `type`.
Tensor quantized_linear(const Tensor &x_, const Tensor &packed, const Tensor &scales,
                        const Tensor &offsets, const std::optional<Tensor> &bias_, bool gelu,
                        at::ScalarType type) {
  Tensor x = x_.contiguous(), bias;
  TORCH_CHECK(x.dim() > 0, "a scalar has no rows");
  PackRows rows{element(x), x.const_data_ptr(), 0, x.size(-1), nullptr, nullptr};
  TORCH_CHECK(rows.type != Element::uint8, "rows are float32 or bfloat16");
  rows.rows = rows.inputs ? x.numel() / rows.inputs : 0;
  const int64_t outputs = scales.numel();
  TORCH_CHECK(packed.numel() ==
                  panels(outputs) * kernels().panel_outputs * padded_inputs(rows.inputs),
              "rows of ", rows.inputs, " inputs do not fit the matrix");
  Tensor packed_rows = packed_numbers(blocks(rows.rows) * kernels().block_rows, rows.inputs);
  Tensor row_scales = at::empty({rows.rows}, at::kFloat);
  rows.packed = packed_rows.data_ptr<uint8_t>();
  rows.scales = row_scales.data_ptr<float>();
  parallel(blocks(rows.rows), grain(kernels().block_rows * rows.inputs),
           [&](int64_t begin, int64_t end) {
             kernels().pack_rows(rows, begin, end, Scratch<float>(packing_scratch(rows.inputs)));
           });

  auto sizes = x.sizes().vec();
  sizes.back() = outputs;
  Tensor result = at::empty(sizes, x.options().dtype(type));
  Product t{};
  t.type = element(result);
  TORCH_CHECK(t.type != Element::uint8, "results are float32 or bfloat16");
  t.rows = rows.rows;
  t.inputs = rows.inputs;
  t.outputs = outputs;
  t.packed_rows = rows.packed;
  t.row_scales = rows.scales;
  t.packed = packed.const_data_ptr<uint8_t>();
  t.scales = scales.const_data_ptr<float>();
  t.offsets = offsets.const_data_ptr<int32_t>();
  if (bias_.has_value()) {
    bias = bias_->to(at::kFloat).contiguous();
    TORCH_CHECK(bias.numel() == outputs, "a bias ", bias.sizes(), " for ", outputs, " outputs");
    t.bias = bias.const_data_ptr<float>();
  }
  t.gelu = gelu;
  t.result = result.data_ptr();
  const int64_t work = std::max<int64_t>(1, t.rows * t.inputs * product_panel);
  parallel(panels(outputs), std::max<int64_t>(1, 2000000 / work),
           [&](int64_t begin, int64_t end) {
             kernels().product(t, begin, end, Scratch<int32_t>(Product::scratch()));
           });
  return result;
}

// The largest numbers of the first operand of 8-bit products, which is unsigned, and of the second.
Tensor product_limits() {
  return at::tensor({kernels().first_limit, kernels().second_limit}, at::kLong);
}

TORCH_LIBRARY_FRAGMENT(nsarm, m) {
  m.def("product_limits() -> Tensor", product_limits);
  m.def("pack_matrix(Tensor matrix, Tensor? scales) -> (Tensor, Tensor, Tensor)");
  m.def("quantized_linear(Tensor x, Tensor packed, Tensor scales, Tensor offsets, Tensor? bias, "
        "bool gelu, ScalarType type) -> Tensor");
}

TORCH_LIBRARY_IMPL(nsarm, CPU, m) {
  m.impl("pack_matrix", pack_matrix);
  m.impl("quantized_linear", quantized_linear);
}

}  // namespace
}  // namespace nsarm
