// Attention to keys and values in 8 bits: the task of the kernel in QuantizedAttention.ipp.
#pragma once

#include "QuantizedTokens.h"

namespace nsarm {

// Rows of queries at a time.
constexpr int64_t quantized_rows = 64;

// result = softmax(q k^T) v over the first `keys` tokens; q is [B, H, Lq, c], the result
// [B, Lq, H, c], both of type `type`.
struct QuantizedAttention {
  QuantizedTokens tokens;
  Element type;
  int64_t queries, keys;
  Rows q;
  void *result;

  // Of rows of a head.
  int64_t blocks() const { return ceil_div(queries, quantized_rows); }

  // Floats of scratch memory: queries, in whole tiles of 16 words, scores, their weights in a byte
  // each, results, and what a block adds to them.
  int64_t scratch() const {
    return quantized_rows * (tokens.words() + 16 + quantized_block + quantized_block / 4 +
                             2 * tokens.value_channels());
  }
};

}  // namespace nsarm
