// Convolutions of bfloat16 inside of dense blocks: the task of the kernels in DenseBlocks.ipp.
#pragma once

#include <cstdint>

#include "Rounding.h"

namespace nsarm {

// Pixels that are computed at a time, outputs of a panel of a packed kernel, and channels that a
// step of the sum takes: what two by two of AMX's tiles hold.
constexpr int64_t dense_pixels = 32, dense_outputs = 32, dense_inputs = 32;

// A 3x3 convolution with stride 1 over pictures of type bfloat16 that have a border of one pixel,
// zero: [B, H + 2, W + 2, channels]. The first `first_inputs` channels of its inputs are x, the
// others the first ones of `more`, whose pixels are `more_stride` apart. All numbers of channels
// are multiples of 32, and `dense_pixels` pixels behind the pictures can be read.
//
//   without a residual   y = activation(w * x + bias), max(0, z) + slope min(0, z)
//   with a residual      sum = scale (w * x + bias) + residual
//   and an outer one     sum = scale (scale (w * x + bias) + residual) + outer
//
// and y = sum in bfloat16. residual, outer and sum are [B, H, W, O]; sum may be one of the others.
struct DenseConvolution {
  const uint16_t *x, *more;
  int64_t first_inputs, more_stride;
  const uint32_t *kernel;
  const float *bias;
  uint16_t *y;       // of pixels `y_stride` apart
  int64_t y_stride;
  const float *residual, *outer;
  float *sum;
  float slope, scale;
  int64_t samples, height, width, inputs, outputs;  // B, H, W, I, O

  int64_t row() const { return width + 2; }
  int64_t pixels() const { return (height + 2) * row(); }  // of a sample

  // Blocks of a sample, from its first pixel inside of the border to the last.
  int64_t blocks() const {
    return ceil_div((height - 1) * row() + width, dense_pixels);
  }

  // Steps of all nine taps.
  int64_t steps() const { return 9 * (inputs / dense_inputs); }

  // Words of a packed panel, which hold two numbers each.
  static int64_t panel(int64_t inputs) { return 9 * inputs / 2 * dense_outputs; }

  // Floats of scratch memory: sums of a block, and the steps' places.
  int64_t scratch() const { return dense_pixels * dense_outputs + 4 * steps(); }
};

}  // namespace nsarm
