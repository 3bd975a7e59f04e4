// Layer normalisation and its derivative: the tasks of the kernels in Norms.ipp.
#pragma once

#include "Operands.h"

namespace nsarm {

// Rows of C channels; `group` rows in succession share weights, `*_stride` apart (0: all rows share
// them).
struct NormRows {
  const void *x;
  Element x_type;
  int64_t channels, group;
  const float *weight, *bias;
  int64_t weight_stride, bias_stride;
  float offset;  // added to the weight
  bool silu;
  float *mean, *inverse_deviation;  // of every row; null where they are not kept
};

// y = silu?((x - mean) / sqrt(variance + epsilon) * (offset + weight) + bias)
struct Norm : NormRows {
  void *y;
  Element y_type;
  float epsilon;
  Quantization quantization;
};

// Gradients of x, and of weight and bias summed over each of `chunks` parts of a group: `sums`
// [groups, chunks, 2, C].
struct NormBackward : NormRows {
  const void *dy;
  Element dy_type;
  void *dx;  // of x's type
  int64_t chunks;
  float *sums;
};

}  // namespace nsarm
