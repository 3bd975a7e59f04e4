// Keys and values in 8 bits, in the layout of `QuantizedTokens`.
#pragma once

#include "Dots.ipp"
#include "QuantizedRows.ipp"
#include "QuantizedTokens.h"

namespace nsarm::NAMESPACE {

template <class T>
static TARGET void quantized_append_typed(const QuantizedAppend &task, int64_t begin,
                                          int64_t end) {
  const QuantizedAppend t = task;
  const QuantizedTokens &m = t.tokens;
  const int64_t channels = m.channels, words = m.words(), width = m.value_channels();
  for (int64_t i = begin; i < end; i++) {
    const int64_t head = i / t.count, token = i % t.count, place = t.start + token;
    auto row = [&](const Rows &x) INLINE {
      return static_cast<const T *>(x.start) + head / m.heads * x.batch_stride +
             head % m.heads * x.head_stride + token * x.stride;
    };
    const float key_step = step_of(row(t.k), channels, dot_second_limit);
    const float value_step = step_of(row(t.v), channels, dot_second_limit);
    const int64_t panel = place / quantized_panel * quantized_panel;
    uint8_t *key = m.keys(head) + 4 * (panel * words + (place - panel));
    int32_t sum = 0;
    for_bytes(row(t.k), channels, key_step, 0, [&](int64_t i, int n, const uint8_t *bytes) INLINE {
      for (int c = 0; c < n; c++) sum += static_cast<int8_t>(bytes[c]);
      for (int c = 0; c < n; c++)
        key[(i + c) / 4 * 4 * quantized_panel + (i + c) % 4] = bytes[c];
    });
    const int64_t block = place / quantized_block * quantized_block;
    uint8_t *value = m.values(head) + block * width + (place - block) / 4 * 4 * quantized_panel +
                     place % 4;
    for_bytes(row(t.v), channels, value_step, 0,
              [&](int64_t i, int n, const uint8_t *bytes) INLINE {
                for (int c = 0; c < n; c++) {
                  int64_t column = (i + c) % quantized_panel, panel = i + c - column;
                  value[panel * quantized_block + 4 * column] = bytes[c];
                }
              });
    float *numbers = m.numbers(head) + place;
    const int32_t offset = -dot_zero_point * sum;
    numbers[0] = key_step;
    memcpy(numbers + m.length, &offset, sizeof offset);
    numbers[2 * m.length] = __builtin_log2f(value_step);
    numbers[3 * m.length] = 1 / value_step;
  }
}

static TARGET void quantized_append(const QuantizedAppend &t, int64_t begin, int64_t end) {
  if (t.type == Element::float32) quantized_append_typed<float>(t, begin, end);
  else quantized_append_typed<BFloat16>(t, begin, end);
}

}  // namespace nsarm::NAMESPACE
