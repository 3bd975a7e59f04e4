// The loops behind the operators of the other files Fused*.cpp: plain arithmetic on rows in memory,
// compiled once for every instruction set and chosen at the first call. Nothing here knows
// libtorch.
#ifndef FUSED_KERNELS_H
#define FUSED_KERNELS_H

#include <algorithm>
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
  int64_t turns;  // rows of cosines and sines: L, of all samples, or B L
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

// Rows of queries and keys whose scores are kept at a time, the most columns of a packed panel, and
// the most numbers along a sum that are multiplied together.
constexpr int64_t attention_rows = 48, attention_keys = 1024;
constexpr int64_t attention_panel = 64, attention_step = 32;

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
    int64_t width = std::min(keys, attention_keys) + 2 * attention_panel;
    int64_t out_width = channels + attention_panel, depth = channels + attention_step;
    return (keys + attention_panel) * depth + out_width * (keys + attention_step) +
           attention_rows * (depth + width + 2 * out_width);
  }
};

struct DenseConvolution;
struct GroupNorm;
struct Linear;
struct PackLinear;
struct PackMatrix;
struct PackRows;
struct Product;
struct QuantizedAppend;
struct QuantizedAttention;

// Matrix products of a convolution by Winograd's filtering.
constexpr int64_t winograd_products = 36;

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
  int64_t tile_rows() const { return (height + 3) / 4; }
  int64_t tile_columns() const { return (width + 3) / 4; }
  int64_t tiles() const { return samples * tile_rows() * tile_columns(); }

  // Floats of one packed matrix [I, O].
  static int64_t matrix(int64_t inputs, int64_t outputs) {
    return inputs * whole_lines(outputs);
  }

  // Tiles at a time: few, so that they stay in the second level of the cache, unless the kernel is
  // so large that reading it from the third one has to be worthwhile.
  int64_t strip() const { return inputs * outputs <= 128 * 128 ? 24 : 96; }

  // Floats from one matrix of a strip to the next: an odd number of lines of the cache, so that the
  // matrices do not compete for its sets.
  int64_t slot() const { return strip() * whole_lines(std::max(inputs, outputs)) + 16; }

  // Floats of scratch memory.
  int64_t scratch() const { return (winograd_products + 1) * slot() + whole_lines(inputs); }

 private:
  static int64_t whole_lines(int64_t floats) { return (floats + 15) / 16 * 16; }
};

// Rows of C floats in the `scratch` memory of kernels.
constexpr int64_t scratch_rows = 8;

// Sets of kernels, each for more of a processor's instructions than the one before.
enum class KernelKind { baseline, avx2, avx512_vnni, avx512_vnni_bfloat16, amx };

// Each runs over part [begin, end) of its rows, elements, tokens or chunks.
struct Kernels {
  KernelKind kind;
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
  void (*pack_linear)(const PackLinear &, int64_t begin, int64_t end);
  // tasks
  void (*linear)(const Linear &, int64_t begin, int64_t end, float *scratch);
  // Words of a packed matrix.
  int64_t (*linear_size)(Element type, int64_t outputs, int64_t inputs);
  // panels
  void (*pack_matrix)(const PackMatrix &, int64_t begin, int64_t end, float *scratch);
  // blocks of rows
  void (*pack_rows)(const PackRows &, int64_t begin, int64_t end, float *scratch);
  // panels
  void (*product)(const Product &, int64_t begin, int64_t end, int32_t *scratch);
  // Rows of a block, outputs of a panel, and what inputs are rounded up to.
  int64_t block_rows, panel_outputs, input_step;
  // The largest numbers of a product's first and second operand.
  int64_t first_limit, second_limit;
  // tokens of all heads
  void (*quantized_append)(const QuantizedAppend &, int64_t begin, int64_t end);
  // blocks of all heads
  void (*quantized_attention)(const QuantizedAttention &, int64_t begin, int64_t end,
                              float *scratch);
  // inputs, of weight [O, I, 3, 3] to `winograd_products` matrices, zero at first
  void (*pack_kernel)(const float *weight, int64_t inputs, int64_t outputs, float *packed,
                      int64_t begin, int64_t end);
  // tiles
  void (*convolution)(const Convolution &, int64_t begin, int64_t end, float *scratch);
  // panels of outputs, of weight [O, I, 3, 3] of type bfloat16
  void (*pack_dense)(const uint16_t *weight, int64_t inputs, uint32_t *packed, int64_t begin,
                     int64_t end);
  // blocks of pixels; null, as the one before, where nothing multiplies bfloat16
  void (*dense_convolution)(const DenseConvolution &, int64_t begin, int64_t end, float *scratch);
  // chunks of all samples; `scratch` holds 2 C numbers
  void (*group_sums)(const GroupNorm &, int64_t begin, int64_t end, double *scratch);
  // positions of all samples
  void (*group_norm)(const GroupNorm &, int64_t begin, int64_t end);
};

// The kernels of this thread: those that `use_kernels` named, else of the newest kind that this
// processor has. The environment variables of libtorch's and oneDNN's kernels, ATEN_CPU_CAPABILITY
// (avx2, default) and ONEDNN_MAX_CPU_ISA, name an older one.
const Kernels &kernels();

// Null where this processor lacks what they need.
const Kernels *kernels_of(KernelKind kind);

// From now on this thread's kernels are those; null: what `kernels` says. Gives what was wanted
// before.
const Kernels *use_kernels(const Kernels *wanted);

// The same while it lives.
class KernelsInUse {
  const Kernels *before;

 public:
  explicit KernelsInUse(const Kernels *wanted) : before(use_kernels(wanted)) {}
  ~KernelsInUse() { use_kernels(before); }
  KernelsInUse(const KernelsInUse &) = delete;
};

}  // namespace nsarm

#endif
