// Operands that the tasks of several kernels share.
#pragma once

#include <cstdint>

namespace nsarm {

enum class Element { float32, bfloat16, uint8 };

// q = clamp(round_half_even(y / scale) + zero_point, 0, 255), where y is multiplied by the rounded
// 1 / scale, as in libtorch's quantize_per_tensor.
struct Quantization {
  float scale = 1;
  int32_t zero_point = 0;
};

// Rows of one matrix [rows, c] per batch and head; strides in elements.
struct Rows {
  const void *start;
  int64_t batch_stride, head_stride, stride;
};

}  // namespace nsarm
