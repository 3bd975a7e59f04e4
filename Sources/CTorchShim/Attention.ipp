// Attention of some queries to all keys of a head: two matrix products with the softmax between
// them, on scores that stay in the cache. Of many keys a block is taken at a time, and its result
// is added to that of the blocks before it (online softmax, Milakov and Gimelshein, 2018).
#pragma once

#include <algorithm>
#include <type_traits>

#include "Attention.h"
#include "Functions.ipp"
#include "Gemm.ipp"

namespace nsarm::NAMESPACE {

// MARK: Softmax

// Scores s in a row to e^(scale (s - highest)), in place as words of a first operand, where
// `highest` becomes the largest score of this block and earlier ones; their sum. `factor` is what
// earlier blocks' results have to be multiplied by.
template <bool pairs>
static TARGET float exponentials(float *row, int64_t keys, float scale, float &highest,
                                 float &factor) {
  const int64_t end = round_up(shared<pairs> * words_of<pairs>(keys), LANES);
  for (int64_t i = keys; i < end; i++) row[i] = -__builtin_inff();
  Floats largest[2] = {wide(row), wide(row)};
  for_blocks(end, [&](int64_t i, int, int k) INLINE {
    largest[k] = larger(largest[k], wide(row + i));
  });
  Floats lanes = larger(largest[0], largest[1]);
  float most = lanes[0];
  for (int i = 1; i < LANES; i++) most = lanes[i] > most ? lanes[i] : most;
  if (highest > most) most = highest;
  const float rate = scale * 1.44269504088896341f, offset = most * rate;
  factor = power_of_two(all(highest * rate - offset))[0];
  highest = most;
  Floats total[2] = {};
  for_blocks(end, [&](int64_t i, int, int k) INLINE {
    // The rounding of `offset` is a factor of the whole row.
    Floats p = power_of_two(wide(row + i) * rate - offset);
    total[k] += p;
    if constexpr (pairs) {
#ifdef BFLOAT16_PAIRS
      __m256bh half = _mm512_cvtneps_pbh((__m512)p);
      memcpy(reinterpret_cast<BFloat16 *>(row) + i, &half, sizeof half);
#endif
    } else {
      narrow(row + i, p);
    }
  });
  return sum(total[0] + total[1]);
}

// MARK: Attention

template <class T, bool pairs>
static TARGET void attention_typed(const Attention &task, int64_t begin, int64_t end,
                                   float *scratch) {
  const Attention t = task;
  const int64_t depth = words_of<pairs>(t.channels), value_depth = words_of<pairs>(t.keys);
  // Rows of scores do not begin at the same sets of the cache.
  const int64_t width = round_up(std::min(t.keys, attention_keys), panel) + LANES;
  const int64_t out_width = round_up(t.channels, panel);
#ifdef TILES
  [[maybe_unused]] std::conditional_t<pairs, Tiles, int> tiles{};
#endif
  auto keys = reinterpret_cast<uint32_t *>(scratch);
  auto values = keys + round_up(t.keys, panel) * depth;
  auto queries = values + out_width * value_depth;
  auto scores = reinterpret_cast<float *>(queries + attention_rows * depth);
  float *out = scores + attention_rows * width, *fresh = out + attention_rows * out_width;
  float sums[attention_rows], highest[attention_rows], factors[attention_rows];
  int64_t packed = -1;  // the head whose keys and values lie in `scratch`
  for (int64_t block = begin; block < end; block++) {
    int64_t head = block / t.blocks(), first = block % t.blocks() * attention_rows;
    int64_t rows = t.queries - first < attention_rows ? t.queries - first : attention_rows;
    int64_t b = head / t.heads, h = head % t.heads;
    auto start = [&](const Rows &x) INLINE {
      return static_cast<const T *>(x.start) + b * x.batch_stride + h * x.head_stride;
    };
    if (packed != head) {
      pack_b_transposed<T, pairs>(start(t.k), t.k.stride, t.keys, t.channels, keys);
      pack_b<T, pairs>(start(t.v), t.v.stride, t.keys, t.channels, values);
      packed = head;
    }
    pack_a<T, pairs>(start(t.q) + first * t.q.stride, t.q.stride, rows, t.channels, queries);
    for (int64_t key = 0; key < t.keys; key += attention_keys) {
      const int64_t count = std::min(t.keys - key, attention_keys);
      const int64_t words = words_of<pairs>(count);
      multiply_all<pairs>(queries, depth, rows, {keys + key * depth, depth}, 0, depth, count,
                          scores, width);
      for (int64_t row = 0; row < rows; row++) {
        if (key == 0) highest[row] = -__builtin_inff();
        float some = exponentials<pairs>(scores + row * width, count, t.scale, highest[row],
                                         factors[row]);
        sums[row] = key == 0 ? some : sums[row] * factors[row] + some;
      }
      multiply_all<pairs>(reinterpret_cast<uint32_t *>(scores), width, rows,
                          {values, value_depth}, key / shared<pairs>, words, t.channels,
                          key == 0 ? out : fresh, out_width);
      if (key == 0) continue;
      for (int64_t row = 0; row < rows; row++)
        for_blocks(out_width, [&](int64_t i, int, int) INLINE {
          float *place = out + row * out_width + i;
          narrow(place, wide(place) * factors[row] + wide(fresh + row * out_width + i));
        });
    }
    for (int64_t row = 0; row < rows; row++) {
      T *result = static_cast<T *>(t.result) +
                  ((b * t.queries + first + row) * t.heads + h) * t.channels;
      float inverse = 1 / sums[row];
      for_blocks(t.channels, [&](int64_t i, int n, int) INLINE {
        store(result + i, load(out + row * out_width + i, n) * inverse, n);
      });
    }
  }
}

static TARGET void attention(const Attention &t, int64_t begin, int64_t end, float *scratch) {
  if (t.type == Element::float32) attention_typed<float, false>(t, begin, end, scratch);
  else attention_typed<BFloat16, has_pairs>(t, begin, end, scratch);
}

}  // namespace nsarm::NAMESPACE
