// Products of rows with a matrix, both in 8 bits: the tasks of the kernels in QuantizedLinear.ipp.
#pragma once

#include "Operands.h"

namespace nsarm {

// The storage of the numbers of a matrix [outputs, inputs]: in int8 with a scale per output; in
// int4 two to a byte, the lower half first, each plus 8, with a scale per `group` inputs of an
// output.
enum class MatrixFormat { float32, bfloat16, int8, int4 };

// The most outputs of a packed panel, rows of a block, and rows whose sums are kept at a time.
constexpr int64_t product_panel = 64, product_rows = 32, product_round = 384;

// Floats of scratch memory for packing: a row in float32 and as bytes.
constexpr int64_t packing_scratch(int64_t inputs) { return inputs + inputs / 4 + 16; }

// A matrix in 8 bits (7 where the processor needs that) with a scale per output, laid out for
// `Product`.
struct PackMatrix {
  MatrixFormat format;
  const void *matrix;
  const float *matrix_scales;
  int64_t group, outputs, inputs;
  uint8_t *packed;
  float *scales;     // [outputs]
  int32_t *offsets;  // [outputs]: what the zero point of the rows adds to a sum
};

// Rows [rows, inputs] of type `type` in 8 bits with a scale per row, laid out for `Product`.
struct PackRows {
  Element type;
  const void *x;
  int64_t rows, inputs;
  uint8_t *packed;
  float *scales;  // [rows]
};

// result = x w^T + bias, or its GELU, [rows, outputs] of type `type`.
struct Product {
  Element type;
  int64_t rows, inputs, outputs;
  const uint8_t *packed_rows;
  const float *row_scales;
  const uint8_t *packed;
  const float *scales;
  const int32_t *offsets;
  const float *bias;  // or null
  bool gelu;
  void *result;

  // Integers of scratch memory.
  static int64_t scratch() { return product_round * product_panel; }
};

}  // namespace nsarm
