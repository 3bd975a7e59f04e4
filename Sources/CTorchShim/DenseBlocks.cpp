// Residual-in-residual dense blocks (Wang et al., 2018): an operator of libtorch's dispatcher
// around the kernels. Convolutions read and write channels of memory that all blocks of a network
// share, so that nothing is copied or allocated.

#include "DenseBlocks.h"

#include "Convolution.h"
#include "FusedOperators.h"

namespace nsarm {
namespace {

// Dense blocks in a residual one, and convolutions in a dense one.
constexpr int64_t dense_blocks = 3, dense_convolutions = 5;

using Tensors = at::TensorList;

void check_pairs(const char *name) {
  TORCH_CHECK(kernels().dense_convolution, name, ": these kernels do not multiply bfloat16");
}

// [O, I, 3, 3] of type bfloat16 to words.
Tensor pack_dense_kernel(const Tensor &weight_) {
  check_pairs("pack_dense_kernel");
  TORCH_CHECK(weight_.dim() == 4 && weight_.size(2) == 3 && weight_.size(3) == 3 &&
                  weight_.numel() > 0 && weight_.size(0) % dense_outputs == 0 &&
                  weight_.size(1) % dense_inputs == 0 && weight_.device().is_cpu() &&
                  weight_.scalar_type() == at::kBFloat16,
              "pack_dense_kernel takes [O, I, 3, 3] of bfloat16 with multiples of 32 channels, ",
              "not ", weight_.sizes());
  Tensor weight = weight_.contiguous();
  const int64_t panels = weight.size(0) / dense_outputs, inputs = weight.size(1);
  Tensor packed = at::empty({panels, DenseConvolution::panel(inputs)}, at::kInt);
  auto w = reinterpret_cast<const uint16_t *>(weight.const_data_ptr());
  auto p = reinterpret_cast<uint32_t *>(packed.data_ptr<int32_t>());
  parallel(panels, 1, [&](int64_t begin, int64_t end) {
    kernels().pack_dense(w, inputs, p, begin, end);
  });
  return packed;
}

// A convolution of a residual block: its place, and the channels that it takes and gives.
struct Place {
  int64_t block, convolution;  // the dense block in the residual one, and the convolution in it
  int64_t channels, growth;

  bool is_last() const { return convolution == dense_convolutions - 1; }
  int64_t inputs() const { return channels + convolution * growth; }
  int64_t outputs() const { return is_last() ? channels : growth; }
};

template <class Body>
void for_convolutions(int64_t channels, int64_t growth, const Body &body) {
  for (int64_t i = 0; i < dense_blocks * dense_convolutions; i++)
    body(i, Place{i / dense_convolutions, i % dense_convolutions, channels, growth});
}

void run_float32(const Tensor *const (&x)[dense_blocks], const Tensor &grown, Tensors kernels,
                 Tensors biases, double slope, double scale) {
  const Tensor &first = *x[0];
  const int64_t channels = first.size(3), width = grown.size(3);
  const int64_t growth = width / (dense_convolutions - 1);
  Tensor slopes = at::full({growth}, slope, at::kFloat);
  auto start = [](const Tensor &v) { return v.data_ptr<float>(); };
  for_convolutions(channels, growth, [&](int64_t i, Place p) {
    const int64_t outputs = p.outputs();
    check_float(kernels[i]);
    TORCH_CHECK(kernels[i].is_contiguous() &&
                    kernels[i].sizes() ==
                        at::IntArrayRef({winograd_products, p.inputs(),
                                         Convolution::matrix(1, outputs)}),
                "residual_in_residual takes packed kernels");
    const float *input = start(*x[p.block]);
    Convolution t{input, start(kernels[i]), start(biases[i]), p.is_last() ? nullptr : start(slopes),
                  p.is_last() ? input : nullptr, nullptr, first.size(0), first.size(1),
                  first.size(2), p.inputs(), outputs, 0};
    t.first_inputs = channels;
    t.more = p.convolution > 0 ? start(grown) : nullptr;
    t.more_stride = width;
    if (p.is_last()) {
      t.y = start(*x[(p.block + 1) % dense_blocks]);
      t.scale = static_cast<float>(scale);
      if (p.block == dense_blocks - 1) t.outer = start(first);
    } else {
      t.y = start(grown) + p.convolution * growth;
      t.y_stride = width;
    }
    convolve(t);
  });
}

// `sums` are the residual block's input and the present dense block's in float32.
void run_bfloat16(const Tensor *const (&x)[dense_blocks], const Tensor &grown,
                  const Tensor *const (&sums)[2], Tensors packed, Tensors biases, double slope,
                  double scale) {
  check_pairs("residual_in_residual");
  const int64_t channels = x[0]->size(3), width = grown.size(3);
  const int64_t growth = width / (dense_convolutions - 1);
  TORCH_CHECK(channels % dense_inputs == 0 && growth % dense_inputs == 0,
              "residual_in_residual takes multiples of 32 channels of bfloat16");
  for (const Tensor *v : {x[0], x[1], x[2], &grown})
    TORCH_CHECK(v->storage().nbytes() / 2 - v->storage_offset() >=
                    static_cast<uint64_t>(v->numel() + dense_pixels * v->size(3)),
                "residual_in_residual reads beyond its pictures");
  auto start = [](const Tensor &v) { return static_cast<uint16_t *>(v.data_ptr()); };
  for_convolutions(channels, growth, [&](int64_t i, Place p) {
    DenseConvolution t{};
    t.x = start(*x[p.block]);
    t.more = start(grown);
    t.first_inputs = channels;
    t.more_stride = width;
    t.inputs = p.inputs();
    t.outputs = p.outputs();
    t.samples = sums[0]->size(0);
    t.height = sums[0]->size(1);
    t.width = sums[0]->size(2);
    t.slope = static_cast<float>(slope);
    t.scale = static_cast<float>(scale);
    t.bias = biases[i].const_data_ptr<float>();
    TORCH_CHECK(packed[i].scalar_type() == at::kInt && packed[i].is_contiguous() &&
                    packed[i].numel() ==
                        t.outputs / dense_outputs * DenseConvolution::panel(t.inputs),
                "residual_in_residual takes packed kernels");
    t.kernel = reinterpret_cast<const uint32_t *>(packed[i].const_data_ptr<int32_t>());
    if (p.is_last()) {
      const bool ends = p.block == dense_blocks - 1;
      t.y = start(*x[(p.block + 1) % dense_blocks]);
      t.y_stride = channels;
      t.residual = sums[p.block == 0 ? 0 : 1]->data_ptr<float>();
      t.outer = ends ? sums[0]->data_ptr<float>() : nullptr;
      t.sum = sums[ends ? 0 : 1]->data_ptr<float>();
    } else {
      t.y = start(grown) + p.convolution * growth;
      t.y_stride = width;
    }
    const int64_t products = dense_pixels * t.steps() * dense_inputs * t.outputs;
    parallel(t.samples * t.blocks(), std::max<int64_t>(1, 2000000 / products),
             [&](int64_t begin, int64_t end) {
               kernels().dense_convolution(t, begin, end, Scratch<float>(t.scratch()));
             });
  });
}

// Updates x [B, H, W, C] in place; `memory` are two more of its shape and the grown channels [B, H,
// W, 4 G]. In bfloat16 all of these have a border of one pixel, zero, and two sums [B, H, W, C] in
// float32 follow, of which the first is x without rounding.
Tensor &residual_in_residual(Tensor &x, Tensors memory, Tensors kernels, Tensors biases,
                             double slope, double scale) {
  const bool is_float = x.scalar_type() == at::kFloat;
  const int64_t count = dense_blocks * dense_convolutions, sums = is_float ? 0 : 2;
  TORCH_CHECK(x.dim() == 4 && x.device().is_cpu() &&
                  (is_float || x.scalar_type() == at::kBFloat16) &&
                  static_cast<int64_t>(memory.size()) == dense_blocks + sums &&
                  static_cast<int64_t>(kernels.size()) == count &&
                  static_cast<int64_t>(biases.size()) == count,
              "residual_in_residual takes x [B, H, W, C], its memory and ", count,
              " convolutions");
  const Tensor &grown = memory[dense_blocks - 1];
  auto check = [&](const Tensor &v, at::ScalarType type, int64_t border, int64_t channels) {
    TORCH_CHECK(v.is_contiguous() && v.device().is_cpu() && v.scalar_type() == type &&
                    v.sizes() == at::IntArrayRef({x.size(0), x.size(1) - border,
                                                  x.size(2) - border, channels}),
                "residual_in_residual: memory ", v.sizes(), " for ", x.sizes());
  };
  check(x, x.scalar_type(), 0, x.size(3));
  for (int64_t i = 0; i + 1 < dense_blocks; i++) check(memory[i], x.scalar_type(), 0, x.size(3));
  TORCH_CHECK(grown.dim() == 4 && grown.size(3) > 0 &&
                  grown.size(3) % (dense_convolutions - 1) == 0,
              "residual_in_residual: grown channels ", grown.sizes());
  check(grown, x.scalar_type(), 0, grown.size(3));
  for (int64_t i = 0; i < sums; i++)
    check(memory[dense_blocks + i], at::kFloat, 2, x.size(3));
  for_convolutions(x.size(3), grown.size(3) / (dense_convolutions - 1), [&](int64_t i, Place p) {
    check_float(biases[i]);
    TORCH_CHECK(biases[i].is_contiguous() && biases[i].numel() == p.outputs(),
                "residual_in_residual: a bias ", biases[i].sizes());
  });
  const Tensor *const pictures[dense_blocks] = {&x, &memory[0], &memory[1]};
  if (x.numel() == 0) return x;
  if (is_float) run_float32(pictures, grown, kernels, biases, slope, scale);
  else run_bfloat16(pictures, grown, {&memory[3], &memory[4]}, kernels, biases, slope, scale);
  return x;
}

Tensor &residual_in_residual_autograd(Tensor &x, Tensors memory, Tensors kernels, Tensors biases,
                                      double slope, double scale) {
  bool needs = needs_graph({x});
  for (const Tensor &bias : biases) needs = needs || needs_graph({bias});
  TORCH_CHECK(!needs, "nsarm::residual_in_residual has no derivatives");
  at::AutoDispatchBelowADInplaceOrView guard;
  return residual_in_residual(x, memory, kernels, biases, slope, scale);
}

TORCH_LIBRARY_FRAGMENT(nsarm, m) {
  m.def("pack_dense_kernel(Tensor weight) -> Tensor");
  m.def("residual_in_residual(Tensor(a!) x, Tensor(b!)[] memory, Tensor[] kernels, "
        "Tensor[] biases, float slope, float scale) -> Tensor(a!)");
}

TORCH_LIBRARY_IMPL(nsarm, CPU, m) {
  m.impl("pack_dense_kernel", pack_dense_kernel);
  m.impl("residual_in_residual", residual_in_residual);
}

TORCH_LIBRARY_IMPL(nsarm, AutogradCPU, m) {
  m.impl("residual_in_residual", residual_in_residual_autograd);
}

}  // namespace
}  // namespace nsarm
