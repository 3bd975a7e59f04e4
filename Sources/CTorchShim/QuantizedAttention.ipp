// Attention in 8 bits: products of integers for the scores and for the values, with the softmax
// between them in float32.
//
// Keys and values are x_j = step_j i_j with integers i_j, a step per token. With scores s_j to base
// 2, the weights of the values' integers are p_j = 2^(s_j + log2 step_j). Those of a block of keys
// are multiples of its largest over `dot_first_limit`, in integers. A block's result is added to
// that of the blocks before it in float32 (online softmax, Milakov and Gimelshein, 2018).
#pragma once

#include "Dots.ipp"
#include "Functions.ipp"
#include "QuantizedAttention.h"
#include "QuantizedRows.ipp"
#include "Rounding.h"
#include "Tiles.ipp"

namespace nsarm::NAMESPACE {

// Rows and registers of columns of a product that are summed at a time.
static const int quantized_tile_rows = LANES == 16 ? 8 : 4, quantized_vectors = 2;
static const int64_t quantized_columns = quantized_vectors * LANES;
static_assert(quantized_panel % quantized_columns == 0, "a panel is whole columns of registers");
// The multiples that the keys of a block and the words of a query are rounded up to. Tiles may read
// beyond a panel of keys: queries are zero there.
#ifdef TILES
static const int64_t quantized_step = 4 * tile_words, query_step = tile_words;
#else
static const int64_t quantized_step = quantized_panel, query_step = 1;
#endif

// MARK: Products

static inline INLINE Integers integers(const void *p) {
  Integers v;
  memcpy(&v, p, sizeof v);
  return v;
}

// totals += a b, with b the columns of a panel.
template <int rows>
static inline INLINE void add_dots(const uint32_t *a, int64_t a_stride, const uint8_t *b,
                                   int64_t depth, Integers (&totals)[rows][quantized_vectors]) {
  for (int64_t i = 0; i < depth; i += 2, b += 8 * quantized_panel) {
    Integers first[quantized_vectors], second[quantized_vectors];
    UNROLLED for (int v = 0; v < quantized_vectors; v++) {
      first[v] = integers(b + 4 * v * LANES);
      second[v] = integers(b + 4 * (quantized_panel + v * LANES));
    }
    UNROLLED for (int row = 0; row < rows; row++)
      UNROLLED for (int v = 0; v < quantized_vectors; v++)
        totals[row][v] = plus_dots(totals[row][v], a[row * a_stride + i], first[v],
                                   a[row * a_stride + i + 1], second[v]);
  }
}

// Some columns of a block's scores, to base 2, with the logarithms of the values' steps.
struct ScoreColumns {
  const uint32_t *queries;
  const float *steps;  // of the queries, for base 2
  const uint8_t *keys;
  int64_t words;
  const float *numbers;  // of the keys
  int64_t length;
  float *scores;  // [rows, quantized_block]

  template <int rows>
  INLINE void run(int64_t first) const {
    Integers totals[rows][quantized_vectors];
    UNROLLED for (int row = 0; row < rows; row++)
      UNROLLED for (int v = 0; v < quantized_vectors; v++)
        totals[row][v] = integers(numbers + length + v * LANES);
    add_dots<rows>(queries + first * words, words, keys, words, totals);
    finish_rows<rows>(first, totals);
  }

  template <int rows>
  INLINE void finish_rows(int64_t first, const Integers (&totals)[rows][quantized_vectors]) const {
    UNROLLED for (int row = 0; row < rows; row++)
      UNROLLED for (int v = 0; v < quantized_vectors; v++) {
        Floats step = wide(numbers + v * LANES) * steps[first + row];
        Floats score = __builtin_convertvector(totals[row][v], Floats) * step +
                       wide(numbers + 2 * length + v * LANES);
        narrow(scores + (first + row) * quantized_block + v * LANES, score);
      }
  }

#ifdef TILES
  // Sums first, where the scores will be, of all columns, so that tiles need not wait.
  INLINE void multiply(int64_t rows) const {
    multiply_all_tiles<true>({queries, 4 * words, 64}, rows, keys, 4 * quantized_panel,
                             quantized_panel, words / tile_words, scores, 4 * quantized_block);
  }

  INLINE void finish(int64_t row) const {
    Integers totals[1][quantized_vectors];
    UNROLLED for (int v = 0; v < quantized_vectors; v++)
      totals[0][v] = integers(scores + row * quantized_block + v * LANES) +
                     integers(numbers + length + v * LANES);
    finish_rows<1>(row, totals);
  }
#endif
};

// Some columns of the results: out = out * old + weights values * fresh.
struct ValueColumns {
  const uint32_t *weights;  // [rows, quantized_block / 4]
  const uint8_t *values;
  int64_t depth;
  const float *old, *fresh;
  float *out;
  int32_t *sums;  // for tiles
  int64_t stride;

  template <int rows>
  INLINE void run(int64_t first) const {
    Integers totals[rows][quantized_vectors] = {};
    add_dots<rows>(weights + first * (quantized_block / 4), quantized_block / 4, values, depth,
                   totals);
    finish_rows<rows>(first, totals);
  }

  template <int rows>
  INLINE void finish_rows(int64_t first, const Integers (&totals)[rows][quantized_vectors]) const {
    UNROLLED for (int row = 0; row < rows; row++)
      UNROLLED for (int v = 0; v < quantized_vectors; v++) {
        float *place = out + (first + row) * stride + v * LANES;
        Floats added = __builtin_convertvector(totals[row][v], Floats) * fresh[first + row];
        narrow(place, wide(place) * old[first + row] + added);
      }
  }

#ifdef TILES
  INLINE void multiply(int64_t rows) const {
    multiply_all_tiles<true>({weights, quantized_block, 64}, rows, values, 4 * quantized_panel,
                             quantized_panel, depth / tile_words, sums, 4 * stride);
  }

  INLINE void finish(int64_t row) const {
    Integers totals[1][quantized_vectors];
    UNROLLED for (int v = 0; v < quantized_vectors; v++)
      totals[0][v] = integers(sums + row * stride + v * LANES);
    finish_rows<1>(row, totals);
  }
#endif
};

// All rows of all columns: `at(column)` are some of them; `then(row)` is called when a row is done.
// Every element is an exact sum, whatever rows are taken together. Inlined, so that the columns'
// addresses stay in registers.
template <class Columns, class Then>
static inline INLINE void run_columns(int64_t count, int64_t rows, Columns at, Then then) {
#ifdef TILES
  for (int64_t column = 0; column < count; column += quantized_columns) at(column).multiply(rows);
  for (int64_t row = 0; row < rows; row++) {
    for (int64_t column = 0; column < count; column += quantized_columns) at(column).finish(row);
    then(row);
  }
#else
  for (int64_t column = 0; column < count; column += quantized_columns) {
    const auto columns = at(column);
    int64_t row = 0;
    for (; row + quantized_tile_rows <= rows; row += quantized_tile_rows)
      columns.template run<quantized_tile_rows>(row);
    for (; row + 2 <= rows; row += 2) columns.template run<2>(row);
    if (row < rows) columns.template run<1>(row);
  }
  for (int64_t row = 0; row < rows; row++) then(row);
#endif
}

// MARK: Softmax

// The result of the keys so far for a row: the largest score, and the sum of weights relative to
// it.
struct RowState {
  float highest, sum;
};

// Weights of a block's scores, `count` of them, as bytes; `old` and `fresh` are the factors of what
// earlier blocks gave and of what the weights give.
//
// Weights are not rounded to nearest but up at a `fraction` of the keys: where one key stands out,
// many small weights, which may be most of the sum, would all be rounded to 0.
static TARGET void weigh(float *scores, int64_t count, const float *inverse_steps,
                         const float *fractions, uint8_t *weights, RowState &state, float &old,
                         float &fresh) {
  const int64_t end = round_up(count, quantized_step);
  for (int64_t i = count; i < end; i++) scores[i] = -__builtin_inff();
  Floats highest[2] = {wide(scores), wide(scores)};
  for_blocks(end, [&](int64_t i, int, int k) INLINE {
    highest[k] = larger(highest[k], wide(scores + i));
  });
  Floats lanes = larger(highest[0], highest[1]);
  float most = lanes[0];
  for (int i = 1; i < LANES; i++) most = lanes[i] > most ? lanes[i] : most;
  const float offset = most - __builtin_log2f(dot_first_limit);
  Floats total[2] = {};
  for_blocks(end, [&](int64_t i, int, int k) INLINE {
    Floats p = power_of_two(wide(scores + i) - offset);
    total[k] += p * wide(inverse_steps + i);
    narrow_bytes(weights + i, __builtin_convertvector(p + wide(fractions + i), Integers));
  });
  const float next = most > state.highest ? most : state.highest;
  Floats exponents = all(offset - next);
  exponents[1] = state.highest - next;
  Floats factors = power_of_two(exponents);
  fresh = factors[0];
  old = factors[1];
  state = {next, state.sum * old + sum(total[0] + total[1]) * fresh};
}

// MARK: Attention

template <class T>
static TARGET void quantized_attention_typed(const QuantizedAttention &task, int64_t begin,
                                             int64_t end, float *scratch) {
  const QuantizedAttention t = task;
  const QuantizedTokens &m = t.tokens;
  const int64_t words = m.words(), width = m.value_channels();
  const int64_t query_words = round_up(words, query_step);
#ifdef TILES
  Tiles tiles;
#endif
  auto queries = reinterpret_cast<uint32_t *>(scratch);
  float *scores = scratch + quantized_rows * query_words;
  auto weights = reinterpret_cast<uint32_t *>(scores + quantized_rows * quantized_block);
  float *out = reinterpret_cast<float *>(weights) + quantized_rows * quantized_block / 4;
  auto sums = reinterpret_cast<int32_t *>(out + quantized_rows * width);
  float steps[quantized_rows], old[quantized_rows], fresh[quantized_rows];
  // Multiples of the golden ratio, modulo 1: any keys in succession get fractions of all sizes.
  float fractions[quantized_block];
  for (uint32_t i = 0; i < quantized_block; i++)
    fractions[i] = ((i + 1) * 2654435769u >> 8) * 0x1p-24f;

  for (int64_t block = begin; block < end; block++) {
    const int64_t head = block / t.blocks(), first = block % t.blocks() * quantized_rows;
    const int64_t rows = t.queries - first < quantized_rows ? t.queries - first : quantized_rows;
    const int64_t b = head / m.heads, h = head % m.heads;
    RowState states[quantized_rows];
    memset(queries, 0, quantized_rows * query_words * sizeof *queries);
    memset(out, 0, quantized_rows * width * sizeof *out);
    for (int64_t row = 0; row < rows; row++) {
      const T *q = static_cast<const T *>(t.q.start) + b * t.q.batch_stride +
                   h * t.q.head_stride + (first + row) * t.q.stride;
      const float step = step_of(q, m.channels, dot_first_limit - dot_zero_point);
      auto bytes = reinterpret_cast<uint8_t *>(queries + row * query_words);
      for_bytes(q, m.channels, step, dot_zero_point,
                [&](int64_t i, int n, const uint8_t *some) INLINE { memcpy(bytes + i, some, n); });
      steps[row] = step * 1.44269504088896341f;
      states[row] = {-1e30f, 0};
    }
    for (int64_t key = 0; key < t.keys; key += quantized_block) {
      const int64_t count = t.keys - key < quantized_block ? t.keys - key : quantized_block;
      const float *numbers = m.numbers(head) + key;
      run_columns(count, rows, [&](int64_t column) INLINE {
        const int64_t panel = (key + column) / quantized_panel * quantized_panel;
        const uint8_t *keys = m.keys(head) + 4 * (panel * words + (key + column - panel));
        return ScoreColumns{queries,          steps,    keys,           query_words,
                            numbers + column, m.length, scores + column};
      }, [&](int64_t row) INLINE {
        weigh(scores + row * quantized_block, count, numbers + 3 * m.length, fractions,
              reinterpret_cast<uint8_t *>(weights + row * (quantized_block / 4)), states[row],
              old[row], fresh[row]);
      });
      const int64_t depth = round_up(count, quantized_step) / 4;
      run_columns(m.channels, rows, [&](int64_t column) INLINE {
        const int64_t panel = column / quantized_panel * quantized_panel;
        const uint8_t *values = m.values(head) + key * width + panel * quantized_block +
                                4 * (column - panel);
        return ValueColumns{weights, values,       depth,         old,
                            fresh,   out + column, sums + column, width};
      }, [](int64_t) INLINE {});
    }
    for (int64_t row = 0; row < rows; row++) {
      T *result = static_cast<T *>(t.result) +
                  ((b * t.queries + first + row) * m.heads + h) * m.channels;
      const float inverse = 1 / states[row].sum;
      for_blocks(m.channels, [&](int64_t i, int n, int) INLINE {
        store(result + i, load(out + row * width + i, n) * inverse, n);
      });
    }
  }
}

static TARGET void quantized_attention(const QuantizedAttention &t, int64_t begin, int64_t end,
                                       float *scratch) {
  if (t.type == Element::float32) quantized_attention_typed<float>(t, begin, end, scratch);
  else quantized_attention_typed<BFloat16>(t, begin, end, scratch);
}

}  // namespace nsarm::NAMESPACE
