// Products of rows with a matrix in floating point: the tasks of the kernels in Linear.ipp.
#pragma once

#include "Gemm.h"
#include "Operands.h"
#include "Rounding.h"

namespace nsarm {

// Rows whose sums are kept at a time, panels that share packed rows, and words along a sum that are
// multiplied by all of these rows before the next ones.
constexpr int64_t linear_rows = 96, linear_panels = 8, linear_words = 128;

// y = x w^T + bias, or its GELU, of x [rows, inputs] and y [rows, outputs] of type `type` and a
// matrix w [outputs, inputs] of the same, packed by `pack_b_transposed`.
struct Linear {
  Element type;
  int64_t rows, inputs, outputs;
  const void *x;
  const uint32_t *packed;
  const float *bias;  // or null
  bool gelu;
  void *y;

  int64_t groups() const {
    return ceil_div(ceil_div(outputs, gemm_panel), linear_panels);
  }
  int64_t tasks() const { return ceil_div(rows, linear_rows) * groups(); }

  // Floats of scratch memory: rows as words, and sums of a panel.
  int64_t scratch() const { return linear_rows * (inputs + gemm_step + gemm_panel); }
};

// A matrix to its packed form.
struct PackLinear {
  Element type;
  const void *matrix;
  int64_t outputs, inputs;
  uint32_t *packed;

  int64_t panels() const { return ceil_div(outputs, gemm_panel); }
};

}  // namespace nsarm
