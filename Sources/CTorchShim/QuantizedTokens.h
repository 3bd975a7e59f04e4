// The memory of keys and values that are kept in 8 bits, and the task of the kernel in
// QuantizedTokens.ipp, which writes it.
#pragma once

#include "Operands.h"
#include "Rounding.h"

namespace nsarm {

// Keys whose weights share a scale, and columns of a packed panel.
constexpr int64_t quantized_block = 256, quantized_panel = 32;

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

  int64_t words() const { return ceil_div(channels, 8) * 2; }  // of a key
  int64_t value_channels() const { return round_up(channels, quantized_panel); }
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

}  // namespace nsarm
