// Group normalisation: an operator of libtorch's dispatcher around the kernels.

#include "GroupNorm.h"

#include <cmath>

#include "FusedOperators.h"

namespace nsarm {
namespace {

Tensor group_norm(const Tensor &x_, int64_t groups, const Tensor &weight_, const Tensor &bias_,
                  double epsilon, bool silu) {
  check_float(x_);
  check_float(weight_);
  check_float(bias_);
  TORCH_CHECK(x_.dim() == 4 && groups > 0 && x_.size(1) % groups == 0 &&
                  weight_.numel() == x_.size(1) && bias_.numel() == x_.size(1),
              "group_norm takes [B, C, H, W] with a weight and a bias per channel and groups of ",
              "equally many channels, not ", x_.sizes(), " in ", groups, " groups");
  Tensor x = x_.contiguous(at::MemoryFormat::ChannelsLast), y = at::empty_like(x);
  Tensor weight = weight_.contiguous(), bias = bias_.contiguous();
  if (x.numel() == 0) return y;
  int64_t samples = x.size(0), channels = x.size(1), positions = x.size(2) * x.size(3);
  // As for one sample, which does not depend on the others of its batch.
  int64_t chunks = chunk_count(1, positions);
  std::vector<double> sums(samples * chunks * 2 * groups);
  std::vector<float> means(samples * channels), scale(samples * channels);
  GroupNorm t{x.const_data_ptr<float>(), positions, channels, groups, chunks, sums.data(),
              means.data(), scale.data(), bias.const_data_ptr<float>(), silu,
              y.data_ptr<float>()};
  parallel(samples * chunks, 1, [&](int64_t begin, int64_t end) {
    std::vector<double> scratch(2 * channels);
    kernels().group_sums(t, begin, end, scratch.data());
  });
  const int64_t width = channels / groups;
  auto gamma = weight.const_data_ptr<float>();
  for (int64_t sample = 0; sample < samples; sample++) {
    for (int64_t group = 0; group < groups; group++) {
      double sum = 0, square = 0, count = static_cast<double>(positions * width);
      for (int64_t chunk = 0; chunk < chunks; chunk++) {
        const double *of_chunk = sums.data() + (sample * chunks + chunk) * 2 * groups;
        sum += of_chunk[group];
        square += of_chunk[groups + group];
      }
      double mean = sum / count;
      // Rounding may make a variance of zero negative; NaN stays what it is.
      double variance = square / count - mean * mean;
      double inverse_deviation = 1 / std::sqrt((variance < 0 ? 0 : variance) + epsilon);
      for (int64_t c = group * width; c < (group + 1) * width; c++) {
        means[sample * channels + c] = static_cast<float>(mean);
        scale[sample * channels + c] = static_cast<float>(gamma[c] * inverse_deviation);
      }
    }
  }
  parallel(samples * positions, grain(channels),
           [&](int64_t begin, int64_t end) { kernels().group_norm(t, begin, end); });
  return y;
}

Tensor group_norm_autograd(const Tensor &x, int64_t groups, const Tensor &weight,
                           const Tensor &bias, double epsilon, bool silu) {
  TORCH_CHECK(!needs_graph({x, weight, bias}), "nsarm::group_norm has no derivatives");
  at::AutoDispatchBelowADInplaceOrView guard;
  return group_norm(x, groups, weight, bias, epsilon, silu);
}

TORCH_LIBRARY_FRAGMENT(nsarm, m) {
  m.def("group_norm(Tensor x, int groups, Tensor weight, Tensor bias, float epsilon, bool silu) "
        "-> Tensor");
}

TORCH_LIBRARY_IMPL(nsarm, CPU, m) { m.impl("group_norm", group_norm); }

TORCH_LIBRARY_IMPL(nsarm, AutogradCPU, m) { m.impl("group_norm", group_norm_autograd); }

}  // namespace
}  // namespace nsarm
