// Group normalisation: the task of the kernels in GroupNorm.ipp.
#pragma once

#include <cstdint>

namespace nsarm {

// Group normalisation of x [B, H W, C] over positions and the C / G channels of a group.
struct GroupNorm {
  const float *x;
  int64_t positions, channels, groups;  // H W, C, G
  // Sums of x and of x^2 over each of `chunks` parts of a sample's positions: [B, chunks, 2, G].
  int64_t chunks;
  double *sums;
  // y = silu?((x - mean) scale + bias), with mean and scale [B, C] and bias [C].
  const float *mean, *scale, *bias;
  bool silu;
  float *y;
};

}  // namespace nsarm
