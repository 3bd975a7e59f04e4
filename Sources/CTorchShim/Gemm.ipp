// Products of matrices in floating point, for attention, linear layers and convolutions.
//
// A product takes words of 32 bits, one per lane: a float, or two neighbours of type bfloat16 where
// the processor multiplies and adds such pairs (`pairs`). Every element of a product is summed in
// one order, whatever the sizes of the blocks around it.
#pragma once

#include "Gemm.h"
#include "Rounding.h"
#include "Tiles.ipp"
#include "Vectors.ipp"

namespace nsarm::NAMESPACE {

#ifdef BFLOAT16_PAIRS
static const bool has_pairs = true;
#else
static const bool has_pairs = false;
#endif

typedef uint32_t FourBits __attribute__((vector_size(16)));

// Rows and columns of a product that are summed in registers.
static const int block_rows = 6, block_vectors = LANES == 16 ? 4 : 2;
// Words in a row of a packed matrix: panels of so many columns follow each other.
static const int64_t panel = block_vectors * LANES;
static_assert(panel <= gemm_panel, "scratch memory is for gemm_panel columns");

template <bool pairs>
static inline INLINE Floats plus_product(Floats total, uint32_t word, Floats b) {
  Floats a = (Floats)(Bits{} + word);
#ifdef BFLOAT16_PAIRS
  if constexpr (pairs) return (Floats)_mm512_dpbf16_ps((__m512)total, (__m512bh)a, (__m512bh)b);
#endif
  return total + a * b;
}

// MARK: Matrix product

// `rows` times `vectors` of the result, added to it unless they are the first. Rows of b are as
// wide as a panel, or, where it is narrow, as they need to be.
template <bool pairs, bool narrow_panel, int rows, int vectors>
static TARGET void multiply(const uint32_t *a, int64_t a_stride, const uint32_t *b, int64_t depth,
                            float *result, int64_t stride, bool first) {
  Floats totals[rows][vectors] = {};
  if (!first) {
    UNROLLED for (int row = 0; row < rows; row++)
      UNROLLED for (int v = 0; v < vectors; v++)
        totals[row][v] = wide(result + row * stride + v * LANES);
  }
  for (int64_t i = 0; i < depth; i++, b += narrow_panel ? vectors * LANES : panel) {
    Floats columns[vectors];
    UNROLLED for (int v = 0; v < vectors; v++)
      columns[v] = wide(reinterpret_cast<const float *>(b) + v * LANES);
    UNROLLED for (int row = 0; row < rows; row++)
      UNROLLED for (int v = 0; v < vectors; v++)
        totals[row][v] = plus_product<pairs>(totals[row][v], a[row * a_stride + i], columns[v]);
  }
  UNROLLED for (int row = 0; row < rows; row++)
    UNROLLED for (int v = 0; v < vectors; v++)
      narrow(result + row * stride + v * LANES, totals[row][v]);
}

template <bool pairs, bool narrow_panel, int rows>
static inline INLINE void multiply_columns(const uint32_t *a, int64_t a_stride, const uint32_t *b,
                                           int64_t depth, int64_t vectors, float *result,
                                           int64_t stride, bool first) {
  auto run = [&](auto multiply_vectors) INLINE {
    multiply_vectors(a, a_stride, b, depth, result, stride, first);
  };
  switch (vectors) {
    case 1: return run(multiply<pairs, narrow_panel, rows, 1>);
    case 2: return run(multiply<pairs, narrow_panel, rows, 2>);
  }
  if constexpr (block_vectors == 4) {
    if (vectors == 3) run(multiply<pairs, narrow_panel, rows, 3>);
    else run(multiply<pairs, narrow_panel, rows, 4>);
  }
}

// Panels of a packed matrix, `depth` words of every column.
struct Panels {
  const uint32_t *start;
  int64_t depth;
};

// result [rows, columns] = a [rows, depth] b [depth, columns], of words [from, from + depth) of the
// packed b; added to what is there unless these are the `first`. Writes whole vectors. The last
// panel of b is as wide as the others unless it is `narrow_last`.
template <bool pairs, bool narrow_last = false>
static TARGET void multiply_all(const uint32_t *a, int64_t a_stride, int64_t rows, Panels packed,
                                int64_t from, int64_t depth, int64_t columns, float *result,
                                int64_t stride, bool first = true) {
  const uint32_t *b = packed.start + from * panel;
  for (int64_t column = 0; column < columns; column += panel, b += packed.depth * panel) {
    const int64_t rest = columns - column;
#ifdef TILES
    if constexpr (pairs) {
      multiply_all_tiles<false>({a, 4 * a_stride, 64}, rows, b, 4 * panel,
                                rest < panel ? rest : panel, depth / tile_words, result + column,
                                4 * stride, first);
      continue;
    }
#endif
    const int64_t vectors = rest < panel ? ceil_div(rest, LANES) : block_vectors;
    int64_t row = 0;
    auto run = [&](auto multiply_some, int64_t count) INLINE {
      for (; row + count <= rows; row += count)
        multiply_some(a + row * a_stride, a_stride, b, depth, vectors,
                      result + row * stride + column, stride, first);
    };
    run(multiply_columns<pairs, narrow_last, block_rows>, block_rows);
    run(multiply_columns<pairs, narrow_last, 4>, 4);
    run(multiply_columns<pairs, narrow_last, 2>, 2);
    run(multiply_columns<pairs, narrow_last, 1>, 1);
  }
}

// MARK: Packing

// Numbers along a sum that share a word.
template <bool pairs>
static const int64_t shared = pairs ? 2 : 1;

// Words of `count` numbers along a sum.
template <bool pairs>
static inline INLINE int64_t words_of(int64_t count) {
  const int64_t words = ceil_div(count, shared<pairs>);
#ifdef TILES
  if (pairs) return round_up(words, tile_words);
#endif
  return words;
}

// Word i of a row, zero beyond its channels.
template <bool pairs>
static inline INLINE uint32_t word(const BFloat16 *row, int64_t i, int64_t channels) {
  if (shared<pairs> * i >= channels) return 0;
  if (!pairs) return static_cast<uint32_t>(row[i].bits) << 16;
  uint32_t second = 2 * i + 1 < channels ? row[2 * i + 1].bits : 0;
  return row[2 * i].bits | second << 16;
}

template <bool pairs>
static inline INLINE uint32_t word(const float *row, int64_t i, int64_t) {
  uint32_t bits;
  memcpy(&bits, row + i, sizeof bits);
  return bits;
}

template <bool pairs>
static inline INLINE FourBits four_words(const BFloat16 *row, int64_t i) {
  FourBits words;
  if (pairs) memcpy(&words, row + 2 * i, sizeof words);
  else words = FourBits{row[i].bits, row[i + 1].bits, row[i + 2].bits, row[i + 3].bits} << 16;
  return words;
}

template <bool pairs>
static inline INLINE FourBits four_words(const float *row, int64_t i) {
  FourBits words;
  memcpy(&words, row + i, sizeof words);
  return words;
}

// Rows [columns, channels] of b^T, `stride` apart, as the second operand b of a product, such as
// the keys of attention or the weights of a linear layer.
template <class T, bool pairs>
static TARGET void pack_b_transposed(const T *rows, int64_t stride, int64_t columns,
                                     int64_t channels, uint32_t *packed) {
  const int64_t depth = words_of<pairs>(channels);
  const int64_t whole = channels / (4 * shared<pairs>) * 4;  // words in fours
  for (int64_t first = 0; first < columns; first += panel, packed += panel * depth) {
    int64_t count = columns - first < panel ? columns - first : panel;
    for (int64_t j = 0; j < round_up(count, LANES); j += 4) {
      const T *row = rows + (first + j) * stride;
      uint32_t *column = packed + j;
      int64_t i = 0;
      for (; j + 4 <= count && i < whole; i += 4) {
        FourBits a = four_words<pairs>(row, i), b = four_words<pairs>(row + stride, i);
        FourBits c = four_words<pairs>(row + 2 * stride, i);
        FourBits d = four_words<pairs>(row + 3 * stride, i);
        FourBits ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
        FourBits cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
        FourBits ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
        FourBits cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
        FourBits turned[4] = {__builtin_shufflevector(ab, cd, 0, 1, 4, 5),
                              __builtin_shufflevector(ab, cd, 2, 3, 6, 7),
                              __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5),
                              __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
        for (int l = 0; l < 4; l++)
          memcpy(column + (i + l) * panel, &turned[l], sizeof(FourBits));
      }
      for (; i < depth; i++) {
        FourBits words = {};
        for (int64_t l = 0; l < 4 && j + l < count; l++)
          words[l] = word<pairs>(row + l * stride, i, channels);
        memcpy(column + i * panel, &words, sizeof words);
      }
    }
  }
}

// Rows [depth, columns], `stride` apart, as the second operand b, such as the values of attention.
template <class T, bool pairs>
static TARGET void pack_b(const T *rows, int64_t stride, int64_t depth, int64_t columns,
                          uint32_t *packed) {
  for (int64_t first = 0; first < columns; first += panel) {
    int64_t count = columns - first < panel ? columns - first : panel;
    const uint32_t *end = packed + words_of<pairs>(depth) * panel;
    for (int64_t k = 0; k < depth; k += shared<pairs>, packed += panel) {
      const T *row = rows + k * stride + first;
      for_blocks(count, [&](int64_t i, int n, int) INLINE {
        Floats words = load(row + i, n);
        if constexpr (pairs) {
          Floats next = k + 1 < depth ? load(row + stride + i, n) : Floats{};
          words = (Floats)((Bits)words >> 16 | (Bits)next);
        }
        memcpy(packed + i, &words, sizeof words);
      });
    }
    for (; packed < end; packed += panel) memset(packed, 0, panel * sizeof *packed);
  }
}

// Rows [rows, channels], `stride` apart, as the first operand a, such as the queries of attention.
template <class T, bool pairs>
static TARGET void pack_a(const T *a, int64_t stride, int64_t rows, int64_t channels,
                          uint32_t *packed) {
  const int64_t depth = words_of<pairs>(channels);
  const int64_t whole = channels / (4 * shared<pairs>) * 4;
  for (int64_t row = 0; row < rows; row++, a += stride, packed += depth) {
    int64_t i = 0;
    for (; i < whole; i += 4) {
      FourBits words = four_words<pairs>(a, i);
      memcpy(packed + i, &words, sizeof words);
    }
    for (; i < depth; i++) packed[i] = word<pairs>(a, i, channels);
  }
}

}  // namespace nsarm::NAMESPACE
