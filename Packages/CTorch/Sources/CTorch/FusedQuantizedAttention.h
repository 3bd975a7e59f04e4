// Attention to keys and values that are kept in 8 bits, and the memory that they lie in.
#ifndef FUSED_QUANTIZED_ATTENTION_H
#define FUSED_QUANTIZED_ATTENTION_H

#include "FusedKernels.h"

namespace nsarm {

// Keys whose weights share a scale, columns of a packed panel, and rows of queries at a time.
constexpr int64_t quantized_block = 256, quantized_panel = 32, quantized_rows = 64;

// Numbers per token: the step of a key, minus the zero point times the sum of a key (an integer of
// 32 bits), the logarithm to base 2 of the step of a value, and the step's inverse.
constexpr int64_t quantized_numbers = 4;

// Keys and values of one transformer block, [B, H, length, bytes()] bytes. The memory of a head
// begins with its keys, in panels of tokens; then come its values, in blocks of tokens and there in
// panels of channels; then rows of `length` numbers. A word holds four channels of a token, or four
// tokens of a channel, which follow each other along the sum of a product.
struct QuantizedTokens {
  uint8_t *memory;
  int64_t heads, length, channels;  // H, a multiple of the block, c

  int64_t words() const { return (channels + 7) / 8 * 2; }  // of a key
  int64_t value_channels() const {
    return (channels + quantized_panel - 1) / quantized_panel * quantized_panel;
  }
  int64_t bytes() const { return 4 * words() + value_channels() + 4 * quantized_numbers; }
  uint8_t *keys(int64_t head) const { return memory + head * length * bytes(); }
  uint8_t *values(int64_t head) const { return keys(head) + length * 4 * words(); }
  float *numbers(int64_t head) const {
    return reinterpret_cast<float *>(values(head) + length * value_channels());
  }
};

// Writes the tokens k and v [B, H, count, c] from `start` on.
struct QuantizedAppend {
  QuantizedTokens tokens;
  Element type;
  Rows k, v;
  int64_t start, count;
};

// result = softmax(q k^T) v over the first `keys` tokens; q is [B, H, Lq, c], the result
// [B, Lq, H, c], both of type `type`.
struct QuantizedAttention {
  QuantizedTokens tokens;
  Element type;
  int64_t queries, keys;
  Rows q;
  void *result;

  // Of rows of a head.
  int64_t blocks() const { return (queries + quantized_rows - 1) / quantized_rows; }

  // Floats of scratch memory: queries, in whole tiles of 16 words, scores, their weights in a byte
  // each, results, and what a block adds to them.
  int64_t scratch() const {
    return quantized_rows * (tokens.words() + 16 + quantized_block + quantized_block / 4 +
                             2 * tokens.value_channels());
  }
};

}  // namespace nsarm

#endif
