// Convolutions with 3x3 kernels in float32: the task of the kernels in Convolution.ipp, and the
// operator for others that consist of it.
#pragma once

#include <algorithm>

#include "Rounding.h"

namespace nsarm {

// Matrix products of a convolution by Winograd's filtering.
constexpr int64_t winograd_products = 36;

// Floats of a line of the cache.
constexpr int64_t line_floats = 16;

// y = scale activation(w * x + bias) + residual, with 3x3 kernels w, stride 1 and padding 1; each
// of bias, slope of the activation (max(0, z) + slope min(0, z)) and residual may be null. x [B, H
// / 2^shift, W / 2^shift, I] is enlarged by repeating pixels, residual and y are [B, H, W, O].
struct Convolution {
  const float *x;
  const float *kernel;  // packed: `winograd_products` matrices
  const float *bias, *slope, *residual;
  float *y;
  int64_t samples, height, width, inputs, outputs;  // B, H, W, I, O
  int shift;

  // In dense blocks, where nothing is copied: x has the first inputs only, and `more` the others,
  // of pixels that are `more_stride` apart; those of y are `y_stride` apart.
  int64_t first_inputs = inputs;
  const float *more = nullptr;
  int64_t more_stride = 0, y_stride = outputs;
  float scale = 1;
  // [B, H, W, O] or null: then y = scale (scale activation(w * x + bias) + residual) + outer.
  const float *outer = nullptr;

  // Of 4x4 outputs.
  int64_t tile_rows() const { return ceil_div(height, 4); }
  int64_t tile_columns() const { return ceil_div(width, 4); }
  int64_t tiles() const { return samples * tile_rows() * tile_columns(); }

  // Floats of one packed matrix [I, O].
  static int64_t matrix(int64_t inputs, int64_t outputs) {
    return inputs * round_up(outputs, line_floats);
  }

  // Tiles at a time: few, so that they stay in the second level of the cache, unless the kernel is
  // so large that reading it from the third one has to be worthwhile.
  int64_t strip() const { return inputs * outputs <= 128 * 128 ? 24 : 96; }

  // Floats from one matrix of a strip to the next: an odd number of lines of the cache, so that the
  // matrices do not compete for its sets.
  int64_t slot() const {
    return strip() * round_up(std::max(inputs, outputs), line_floats) + line_floats;
  }

  // Floats of scratch memory.
  int64_t scratch() const {
    return (winograd_products + 1) * slot() + round_up(inputs, line_floats);
  }
};

// On libtorch's threads.
void convolve(const Convolution &t);

}  // namespace nsarm
