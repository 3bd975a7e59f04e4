// The loops behind the operators of FusedNorms.cpp, FusedActivations.cpp and FusedAttention.cpp:
// plain arithmetic on rows in memory, compiled once for every instruction set and chosen at the
// first call. Nothing here knows libtorch.
#ifndef FUSED_KERNELS_H
#define FUSED_KERNELS_H

#include <cstdint>

namespace nsarm {

enum class Element { float32, bfloat16, uint8 };

// q = clamp(round_half_even(y / scale) + zero_point, 0, 255), where y is multiplied by the rounded
// 1 / scale, as in libtorch's quantize_per_tensor.
struct Quantization {
  float scale = 1;
  int32_t zero_point = 0;
};

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

// Tokens [B, L, 3, H, c] to q, k, v [B, H, L, c], all of type `type`.
struct Heads {
  Element type;
  int64_t length, heads, channels;  // L, H, c
  const void *qkv;
  const float *strength, *cosines, *sines;
};

struct RotateHeads : Heads {
  void *q, *k, *v;
};

// Gradients of qkv, and of strength summed over each of `chunks` parts of all tokens: `sums`
// [chunks, H].
struct RotateHeadsBackward : Heads {
  const void *dq, *dk, *dv;
  void *dqkv;
  int64_t tokens, chunks;
  float *sums;
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

// Rows of one matrix [rows, c] per batch and head; strides in elements.
struct Rows {
  const void *start;
  int64_t batch_stride, head_stride, stride;
};

// Rows of queries whose scores are kept at a time, and the most columns of a packed panel.
constexpr int64_t attention_rows = 48, attention_panel = 64;

// result = softmax(q k^T scale) v with scale > 0, q [B, H, Lq, c], k and v [B, H, Lk, c], result
// [B, Lq, H, c], all of type `type`.
struct Attention {
  Element type;
  int64_t heads, queries, keys, channels;  // H, Lq, Lk, c
  Rows q, k, v;
  void *result;
  float scale;

  // Of rows of a head.
  int64_t blocks() const { return (queries + attention_rows - 1) / attention_rows; }

  // Floats of scratch memory, which registers are loaded from fastest where it begins with a line
  // of the cache.
  int64_t scratch() const {
    int64_t width = keys + attention_panel, out_width = channels + attention_panel;
    return width * channels + out_width * keys + attention_rows * (channels + width + out_width);
  }
};

// How the numbers of a matrix [outputs, inputs] are stored: in int8 with a scale per output; in int4
// two to a byte, the lower half first, each plus 8, with a scale per `group` inputs of an output.
enum class MatrixFormat { float32, bfloat16, int8, int4 };

// The most outputs of a packed panel, rows of a block, and rows whose sums are kept at a time.
constexpr int64_t product_panel = 64, product_rows = 6, product_round = 384;

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

  // Floats of scratch memory.
  int64_t scratch() const { return inputs + inputs / 4 + 16; }
};

// Rows [rows, inputs] of type `type` in 8 bits with a scale per row, laid out for `Product`.
struct PackRows {
  Element type;
  const void *x;
  int64_t rows, inputs;
  uint8_t *packed;
  float *scales;  // [rows]

  // Floats of scratch memory.
  int64_t scratch() const { return inputs + inputs / 4 + 16; }
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
struct QuantizedAppend;
struct QuantizedAttention;

// Rows of C floats in the `scratch` memory of kernels.
constexpr int64_t scratch_rows = 8;

// Each runs over part [begin, end) of its rows, elements, tokens or chunks.
struct Kernels {
  // rows
  void (*norm)(const Norm &, int64_t begin, int64_t end);
  // chunks
  void (*norm_backward)(const NormBackward &, int64_t begin, int64_t end, float *scratch);
  // elements
  void (*quantize)(const Quantize &, int64_t begin, int64_t end);
  // elements
  void (*gelu)(const Activation &, int64_t begin, int64_t end);
  // elements
  void (*gelu_backward)(const ActivationBackward &, int64_t begin, int64_t end);
  // tokens
  void (*rotate_heads)(const RotateHeads &, int64_t begin, int64_t end, float *scratch);
  // chunks
  void (*rotate_heads_backward)(const RotateHeadsBackward &, int64_t begin, int64_t end,
                                float *scratch);
  // rows
  void (*gate)(const Gate &, int64_t begin, int64_t end);
  // chunks
  void (*gate_backward)(const GateBackward &, int64_t begin, int64_t end);
  // blocks of all heads
  void (*attention)(const Attention &, int64_t begin, int64_t end, float *scratch);
  // panels
  void (*pack_matrix)(const PackMatrix &, int64_t begin, int64_t end, float *scratch);
  // blocks of rows
  void (*pack_rows)(const PackRows &, int64_t begin, int64_t end, float *scratch);
  // panels
  void (*product)(const Product &, int64_t begin, int64_t end, int32_t *scratch);
  // Rows of a block and outputs of a panel, and the largest sizes of their numbers.
  int64_t block_rows, panel_outputs, row_limit, matrix_limit;
  // tokens of all heads
  void (*quantized_append)(const QuantizedAppend &, int64_t begin, int64_t end);
  // blocks of all heads
  void (*quantized_attention)(const QuantizedAttention &, int64_t begin, int64_t end,
                              float *scratch);
  // The greatest integers of their weights and of keys and values.
  int64_t weight_limit, token_limit;
};

// For this processor, or an older one that the environment variable ATEN_CPU_CAPABILITY names
// (avx2, default), as libtorch's own kernels.
const Kernels &kernels();

}  // namespace nsarm

#endif
