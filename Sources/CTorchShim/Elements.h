// Quantisation to 8 bits, GELU and gated residuals, and their derivatives: the tasks of the kernels
// in Elements.ipp.
#pragma once

#include "Operands.h"

namespace nsarm {

struct Quantize {
  const void *x;
  Element x_type;
  uint8_t *y;
  Quantization quantization;
};

// y = gelu(x), element by element; all of type `type`.
struct Activation {
  Element type;
  const void *x;
  void *y;
};

// dx = dy gelu'(x)
struct ActivationBackward {
  Element type;
  const void *x, *dy;
  void *dx;
};

// Rows of C channels, `group` of them with the same gate.
struct GateRows {
  const void *y;
  Element y_type;
  const float *gate;
  int64_t channels, group, gate_stride;
};

// result = x + gate * y
struct Gate : GateRows {
  const float *x;
  float *result;
};

// Gradients of y, and of the gate summed over each of `chunks` parts of a group: `sums` [groups,
// chunks, C].
struct GateBackward : GateRows {
  const float *dresult;
  void *dy;
  int64_t chunks;
  float *sums;
};

}  // namespace nsarm
