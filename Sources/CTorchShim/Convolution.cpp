// Convolutions with 3x3 kernels: operators of libtorch's dispatcher around the kernels.

#include "Convolution.h"

#include "FusedOperators.h"

namespace nsarm {

void convolve(const Convolution &t) {
  int64_t products = std::max<int64_t>(1, winograd_products * t.inputs * t.outputs);
  parallel(t.tiles(), std::max<int64_t>(1, 500000 / products), [&](int64_t begin, int64_t end) {
    kernels().convolution(t, begin, end, Scratch<float>(t.scratch()));
  });
}

namespace {

constexpr auto channels_last = at::MemoryFormat::ChannelsLast;

// [O, I, 3, 3] to the layout of this processor, [36, I, at least O].
Tensor packed_kernel3x3(const Tensor &weight_) {
  check_float(weight_);
  TORCH_CHECK(weight_.dim() == 4 && weight_.size(2) == 3 && weight_.size(3) == 3 &&
                  weight_.numel() > 0,
              "packed_kernel3x3 takes [O, I, 3, 3], not ", weight_.sizes());
  Tensor weight = weight_.contiguous();
  int64_t outputs = weight.size(0), inputs = weight.size(1);
  int64_t columns = Convolution::matrix(1, outputs);
  Tensor packed = at::zeros({winograd_products, inputs, columns}, weight.options());
  auto w = weight.const_data_ptr<float>();
  auto p = packed.data_ptr<float>();
  parallel(inputs, grain(outputs), [&](int64_t begin, int64_t end) {
    kernels().pack_kernel(w, inputs, outputs, p, begin, end);
  });
  return packed;
}

using OptionalTensor = std::optional<Tensor>;

Tensor conv3x3(const Tensor &x_, const Tensor &kernel, int64_t outputs, const OptionalTensor &bias_,
               const OptionalTensor &slope_, const OptionalTensor &residual_, bool enlarged) {
  check_float(x_);
  check_float(kernel);
  TORCH_CHECK(x_.dim() == 4 && outputs > 0 && kernel.dim() == 3 && kernel.is_contiguous() &&
                  kernel.size(0) == winograd_products && kernel.size(1) == x_.size(1) &&
                  kernel.size(2) == Convolution::matrix(1, outputs),
              "conv3x3 takes [B, I, H, W] and a packed kernel, not ", x_.sizes(), " and ",
              kernel.sizes());
  const int shift = enlarged ? 1 : 0;
  Tensor x = x_.contiguous(channels_last);
  int64_t samples = x.size(0), height = x.size(2) << shift, width = x.size(3) << shift;
  Tensor y = at::empty({samples, outputs, height, width}, x.options(), channels_last);
  auto vector = [&](const OptionalTensor &v) {
    if (!v) return Tensor();
    check_float(*v);
    TORCH_CHECK(v->numel() == outputs, "conv3x3 takes a bias and a slope per output channel, not ",
                v->sizes());
    return v->contiguous();
  };
  Tensor bias = vector(bias_), slope = vector(slope_), residual;
  if (residual_) {
    check_float(*residual_);
    TORCH_CHECK(residual_->sizes() == y.sizes(), "conv3x3 takes a residual ", y.sizes(), ", not ",
                residual_->sizes());
    residual = residual_->contiguous(channels_last);
  }
  auto start = [](const Tensor &v) { return v.defined() ? v.const_data_ptr<float>() : nullptr; };
  Convolution t{start(x),     start(kernel),        start(bias), start(slope),
                start(residual), y.data_ptr<float>(), samples,     height,
                width,        x.size(1),            outputs,     shift};
  convolve(t);
  return y;
}

Tensor conv3x3_autograd(const Tensor &x, const Tensor &kernel, int64_t outputs,
                        const OptionalTensor &bias, const OptionalTensor &slope,
                        const OptionalTensor &residual, bool enlarged) {
  auto some = [](const OptionalTensor &v) { return v ? *v : Tensor(); };
  TORCH_CHECK(!needs_graph({x, kernel, some(bias), some(slope), some(residual)}),
              "nsarm::conv3x3 has no derivatives");
  at::AutoDispatchBelowADInplaceOrView guard;
  return conv3x3(x, kernel, outputs, bias, slope, residual, enlarged);
}

TORCH_LIBRARY_FRAGMENT(nsarm, m) {
  m.def("packed_kernel3x3(Tensor weight) -> Tensor");
  m.def("conv3x3(Tensor x, Tensor kernel, int outputs, Tensor? bias=None, Tensor? slope=None, "
        "Tensor? residual=None, bool enlarged=False) -> Tensor");
}

TORCH_LIBRARY_IMPL(nsarm, CPU, m) {
  m.impl("packed_kernel3x3", packed_kernel3x3);
  m.impl("conv3x3", conv3x3);
}

TORCH_LIBRARY_IMPL(nsarm, AutogradCPU, m) { m.impl("conv3x3", conv3x3_autograd); }

}  // namespace
}  // namespace nsarm
