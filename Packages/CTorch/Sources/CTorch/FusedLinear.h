// Products of rows with a matrix in floating point: what the kernels of FusedLinearBodies.h take.
#ifndef FUSED_LINEAR_H
#define FUSED_LINEAR_H

#include "FusedKernels.h"

namespace nsarm {

// Rows whose sums are kept at a time, panels that share packed rows, and words along a sum that are
// multiplied by all of these rows before the next ones.
constexpr int64_t linear_rows = 96, linear_panels = 8, linear_words = 128;

// y = x w^T + bias, or its GELU, of x [rows, inputs] and y [rows, outputs] of type `type` and a
// matrix w [outputs, inputs] of the same, packed as keys of attention are.
struct Linear {
  Element type;
  int64_t rows, inputs, outputs;
  const void *x;
  const uint32_t *packed;
  const float *bias;  // or null
  bool gelu;
  void *y;

  int64_t groups() const {
    int64_t panels = (outputs + attention_panel - 1) / attention_panel;
    return (panels + linear_panels - 1) / linear_panels;
  }
  int64_t tasks() const { return (rows + linear_rows - 1) / linear_rows * groups(); }

  // Floats of scratch memory: rows as words, and sums of a panel.
  int64_t scratch() const { return linear_rows * (inputs + attention_step + attention_panel); }
};

// A matrix to its packed form.
struct PackLinear {
  Element type;
  const void *matrix;
  int64_t outputs, inputs;
  uint32_t *packed;

  int64_t panels() const { return (outputs + attention_panel - 1) / attention_panel; }
};

}  // namespace nsarm

#endif
