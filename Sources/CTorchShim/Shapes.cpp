// Operators on tensors that have shapes but no elements (libtorch's Meta device), for what is still
// computed between an error of a resource and the place where it is thrown: see ct_set_shapes_only.

#include "Interop.h"

#include <ATen/ExpandUtils.h>
#include <torch/library.h>

namespace nsarm {
namespace {

using at::Tensor;
using OptionalTensor = std::optional<Tensor>;

Tensor shaped(at::IntArrayRef sizes, at::ScalarType type = at::kFloat) {
  return at::empty(sizes, at::TensorOptions().dtype(type).device(at::kMeta));
}

Tensor same(const Tensor &x) { return shaped(x.sizes()); }

// MARK: nsarm

Tensor channel_norm(const Tensor &x, const Tensor &, const Tensor &, double, bool) {
  return same(x);
}

Tensor channel_norm_quantized(const Tensor &x, const Tensor &, const Tensor &, double, bool, double,
                              int64_t) {
  return shaped(x.sizes(), at::kByte);
}

Tensor quantized(const Tensor &x, double, int64_t) { return shaped(x.sizes(), at::kByte); }

Tensor modulated_norm(const Tensor &x, const Tensor &, const Tensor &, double,
                      std::optional<at::ScalarType>) {
  return same(x);
}

Tensor group_norm(const Tensor &x, int64_t, const Tensor &, const Tensor &, double, bool) {
  return same(x);
}

Tensor gelu_tanh(const Tensor &x) { return same(x); }

Tensor gated_residual(const Tensor &x, const Tensor &, const Tensor &) { return same(x); }

std::tuple<Tensor, Tensor, Tensor> rotated_heads(const Tensor &qkv, const Tensor &, const Tensor &,
                                                 const Tensor &, int64_t heads) {
  auto part = [&] {
    return shaped({qkv.size(0), heads, qkv.size(1), qkv.size(2) / 3 / heads});
  };
  return {part(), part(), part()};
}

Tensor attention(const Tensor &q, const Tensor &, const Tensor &, double) { return same(q); }

Tensor &quantized_append(Tensor &memory, const Tensor &, const Tensor &, int64_t) { return memory; }

Tensor quantized_attention(const Tensor &q, const Tensor &, int64_t) { return same(q); }

// Of a packed kernel or matrix only what later shapes depend on is kept.
Tensor packed_kernel3x3(const Tensor &weight) {
  return shaped({36, weight.size(1), weight.size(0)});
}

Tensor conv3x3(const Tensor &x, const Tensor &, int64_t outputs, const OptionalTensor &,
               const OptionalTensor &, const OptionalTensor &, bool enlarged) {
  int64_t factor = enlarged ? 2 : 1;
  return shaped({x.size(0), outputs, factor * x.size(2), factor * x.size(3)});
}

Tensor pack_dense_kernel(const Tensor &weight) { return same(weight); }

Tensor &residual_in_residual(Tensor &x, at::TensorList, at::TensorList, at::TensorList, double,
                             double) {
  return x;
}

std::tuple<Tensor, Tensor, Tensor> pack_matrix(const Tensor &matrix, const OptionalTensor &) {
  int64_t outputs = matrix.size(0);
  return {shaped(matrix.sizes(), at::kByte), shaped({outputs}), shaped({outputs}, at::kInt)};
}

Tensor with_last(const Tensor &x, int64_t outputs) {
  auto sizes = x.sizes().vec();
  sizes.back() = outputs;
  return shaped(sizes);
}

Tensor quantized_linear(const Tensor &x, const Tensor &, const Tensor &scales, const Tensor &,
                        const OptionalTensor &, bool, at::ScalarType) {
  return with_last(x, scales.numel());
}

Tensor pack_linear(const Tensor &matrix) { return same(matrix); }

Tensor packed_linear(const Tensor &x, const Tensor &, int64_t outputs, const OptionalTensor &,
                     bool) {
  return with_last(x, outputs);
}

TORCH_LIBRARY_IMPL(nsarm, Meta, m) {
  m.impl("channel_norm", channel_norm);
  m.impl("channel_norm_quantized", channel_norm_quantized);
  m.impl("quantized", quantized);
  m.impl("modulated_norm", modulated_norm);
  m.impl("group_norm", group_norm);
  m.impl("gelu_tanh", gelu_tanh);
  m.impl("gated_residual", gated_residual);
  m.impl("rotated_heads", rotated_heads);
  m.impl("attention", attention);
  m.impl("quantized_append", quantized_append);
  m.impl("quantized_attention", quantized_attention);
  m.impl("packed_kernel3x3", packed_kernel3x3);
  m.impl("conv3x3", conv3x3);
  m.impl("pack_dense_kernel", pack_dense_kernel);
  m.impl("residual_in_residual", residual_in_residual);
  m.impl("pack_matrix", pack_matrix);
  m.impl("quantized_linear", quantized_linear);
  m.impl("pack_linear", pack_linear);
  m.impl("packed_linear", packed_linear);
}

// MARK: libtorch
// Those of its operators, and of oneDNN's, that it has no shapes for itself, of what `Torch` calls.
// They take their arguments boxed, since the types of a signature differ between versions.

using Arguments = at::ArrayRef<c10::IValue>;

Tensor like(Arguments a) {
  Tensor x = a[0].toTensor();
  return shaped(x.sizes(), x.scalar_type());
}

Tensor isfinite(Arguments a) { return shaped(a[0].toTensor().sizes(), at::kBool); }

Tensor scalar(Arguments a) { return shaped({}, a[0].toTensor().scalar_type()); }

// nanmean(x, dims, keep, type), var(x, dims, correction, keep)
template <int keep>
Tensor reduced(Arguments a) {
  Tensor x = a[0].toTensor();
  return a[1].isNone() ? shaped({}) : at::sum(x, a[1].toIntVector(), a[keep].toBool());
}

Tensor index_select(Arguments a) {
  Tensor x = a[0].toTensor();
  auto sizes = x.sizes().vec();
  sizes[c10::maybe_wrap_dim(a[1].toInt(), x.dim())] = a[2].toTensor().numel();
  return shaped(sizes, x.scalar_type());
}

Tensor where(Arguments a) {
  Tensor condition = a[0].toTensor(), x = a[1].toTensor(), y = a[2].toTensor();
  return shaped(at::infer_size(condition.sizes(), at::infer_size(x.sizes(), y.sizes())),
                at::result_type(x, y));
}

Tensor convolved(const Tensor &x, const Tensor &weight, const c10::IValue &stride,
                 const c10::IValue &padding, const c10::IValue &dilation) {
  std::vector<int64_t> sizes{x.size(0), weight.size(0), 0, 0};
  auto of = [](const c10::IValue &list, size_t i) {
    auto numbers = list.toIntVector();
    return numbers[std::min(i, numbers.size() - 1)];
  };
  for (size_t i = 0; i < 2; i++) {
    int64_t reach = of(dilation, i) * (weight.size(2 + i) - 1) + 1;
    sizes[2 + i] = (x.size(2 + i) + 2 * of(padding, i) - reach) / of(stride, i) + 1;
  }
  return shaped(sizes);
}

Tensor conv2d(Arguments a) { return convolved(a[0].toTensor(), a[1].toTensor(), a[3], a[4], a[5]); }

Tensor qconv2d_pointwise(Arguments a) {
  return convolved(a[0].toTensor(), a[3].toTensor(), a[7], a[8], a[9]);
}

Tensor adaptive_avg_pool2d(Arguments a) {
  auto sizes = a[0].toTensor().sizes().vec();
  auto last = a[1].toIntVector();
  std::copy(last.begin(), last.end(), sizes.end() - 2);
  return shaped(sizes);
}

Tensor pad(Arguments a) {
  Tensor x = a[0].toTensor();
  auto sizes = x.sizes().vec();
  auto widths = a[1].toIntVector();
  for (size_t i = 0; i < widths.size(); i++) sizes[sizes.size() - 1 - i / 2] += widths[i];
  return shaped(sizes, x.scalar_type());
}

Tensor scaled_dot_product_attention(Arguments a) {
  return with_last(a[0].toTensor(), a[2].toTensor().size(-1));
}

Tensor linear_pointwise(Arguments a) {
  return with_last(a[0].toTensor(), a[1].toTensor().size(0));
}

Tensor fft_fft2(Arguments a) { return shaped(a[0].toTensor().sizes(), at::kComplexFloat); }

Tensor pinv(Arguments a) {
  Tensor x = a[0].toTensor();
  return shaped({x.size(-1), x.size(-2)}, x.scalar_type());
}

template <Tensor (*shape)(Arguments)>
void boxed(const c10::OperatorHandle &op, torch::jit::Stack *stack) {
  size_t count = op.schema().arguments().size();
  Tensor result = shape(Arguments(stack->data() + stack->size() - count, count));
  stack->resize(stack->size() - count);
  stack->emplace_back(std::move(result));
}

template <Tensor (*shape)(Arguments)>
torch::CppFunction of() {
  return torch::CppFunction::makeFromBoxedFunction<&boxed<shape>>();
}

TORCH_LIBRARY_IMPL(aten, Meta, m) {
  for (auto name : {"abs", "flip", "layer_norm", "group_norm", "prelu", "relu"}) m.impl(name, of<like>());
  m.impl("isfinite", of<isfinite>());
  m.impl("max", of<scalar>());
  m.impl("min", of<scalar>());
  m.impl("nanmean", of<reduced<2>>());
  m.impl("var.correction", of<reduced<3>>());
  m.impl("index_select", of<index_select>());
  m.impl("where.self", of<where>());
  m.impl("conv2d", of<conv2d>());
  m.impl("adaptive_avg_pool2d", of<adaptive_avg_pool2d>());
  m.impl("pad", of<pad>());
  m.impl("scaled_dot_product_attention", of<scaled_dot_product_attention>());
  m.impl("fft_fft2", of<fft_fft2>());
  m.impl("linalg_pinv", of<pinv>());
}

TORCH_LIBRARY_IMPL(mkldnn, Meta, m) {
  m.impl("_reorder_linear_weight", of<like>());
  m.impl("_linear_pointwise", of<linear_pointwise>());
}

TORCH_LIBRARY_IMPL(onednn, Meta, m) {
  m.impl("qconv_prepack", of<like>());
  m.impl("qconv2d_pointwise", of<qconv2d_pointwise>());
}

}  // namespace
}  // namespace nsarm
