// Attention in floating point: the task of the kernel in Attention.ipp.
#pragma once

#include <algorithm>

#include "Gemm.h"
#include "Operands.h"
#include "Rounding.h"

namespace nsarm {

// Rows of queries and keys whose scores are kept at a time.
constexpr int64_t attention_rows = 48, attention_keys = 1024;

// result = softmax(q k^T scale) v with scale > 0, q [B, H, Lq, c], k and v [B, H, Lk, c], result
// [B, Lq, H, c], all of type `type`.
struct Attention {
  Element type;
  int64_t heads, queries, keys, channels;  // H, Lq, Lk, c
  Rows q, k, v;
  void *result;
  float scale;

  // Of rows of a head.
  int64_t blocks() const { return ceil_div(queries, attention_rows); }

  // Floats of scratch memory, which registers are loaded from fastest where it begins with a line
  // of the cache.
  int64_t scratch() const {
    int64_t width = std::min(keys, attention_keys) + 2 * gemm_panel;
    int64_t out_width = channels + gemm_panel, depth = channels + gemm_step;
    return (keys + gemm_panel) * depth + out_width * (keys + gemm_step) +
           attention_rows * (depth + width + 2 * out_width);
  }
};

}  // namespace nsarm
