// Products of rows with a packed matrix in floating point, with a bias and GELU. Every element is
// summed in one order, so that a row's result does not depend on the other rows.
#pragma once

#include <algorithm>
#include <type_traits>

#include "Functions.ipp"
#include "Gemm.ipp"
#include "Linear.h"

namespace nsarm::NAMESPACE {

// Words of all panels of 64 outputs.
static TARGET int64_t linear_size(Element type, int64_t outputs, int64_t inputs) {
  const int64_t words = type == Element::float32 ? words_of<false>(inputs)
                                                 : words_of<has_pairs>(inputs);
  return round_up(outputs, gemm_panel) * words;
}

template <class T, bool pairs>
static TARGET void pack_linear_typed(const PackLinear &t, int64_t begin, int64_t end) {
  const int64_t first = begin * gemm_panel;
  const int64_t last = t.outputs < end * gemm_panel ? t.outputs : end * gemm_panel;
  pack_b_transposed<T, pairs>(static_cast<const T *>(t.matrix) + first * t.inputs, t.inputs,
                              last - first, t.inputs,
                              t.packed + first * words_of<pairs>(t.inputs));
}

static TARGET void pack_linear(const PackLinear &t, int64_t begin, int64_t end) {
  if (t.type == Element::float32) pack_linear_typed<float, false>(t, begin, end);
  else pack_linear_typed<BFloat16, has_pairs>(t, begin, end);
}

// Sums of some rows over `columns` outputs from `column` on to results.
template <class T, bool gelu>
static inline INLINE void finish_linear(const Linear &t, int64_t first, int64_t rows,
                                        int64_t column, int64_t columns, const float *sums) {
  for (int64_t row = 0; row < rows; row++, sums += gemm_panel) {
    T *y = static_cast<T *>(t.y) + (first + row) * t.outputs + column;
    for_blocks(columns, [&](int64_t i, int n, int) INLINE {
      Floats v = wide(sums + i);
      if (t.bias) v += load(t.bias + column + i, n);
      if (gelu) v = gelu_of(v);
      store(y + i, v, n);
    });
  }
}

template <class T, bool pairs>
static TARGET void linear_typed(const Linear &task, int64_t begin, int64_t end, float *scratch) {
  const Linear t = task;
#ifdef TILES
  [[maybe_unused]] std::conditional_t<pairs, Tiles, int> tiles{};
#endif
  const int64_t depth = words_of<pairs>(t.inputs);
  auto words = reinterpret_cast<uint32_t *>(scratch);
  float *sums = scratch + linear_rows * depth;
  for (int64_t index = begin; index < end; index++) {
    const int64_t first = index / t.groups() * linear_rows;
    const int64_t rows = t.rows - first < linear_rows ? t.rows - first : linear_rows;
    pack_a<T, pairs>(static_cast<const T *>(t.x) + first * t.inputs, t.inputs, rows,
                           t.inputs, words);
    const int64_t start = index % t.groups() * linear_panels * gemm_panel;
    for (int64_t p = 0; p < linear_panels; p++) {
      const int64_t column = start + p * gemm_panel;
      const int64_t rest = t.outputs - column;
      const int64_t columns = rest < gemm_panel ? rest : gemm_panel;
      if (rest <= 0) break;
      for (int64_t word = 0; word < depth; word += linear_words)
        multiply_all<pairs>(words + word, depth, rows, {t.packed + column * depth, depth}, word,
                            std::min(depth - word, linear_words), columns, sums, gemm_panel,
                            word == 0);
      if (t.gelu) finish_linear<T, true>(t, first, rows, column, columns, sums);
      else finish_linear<T, false>(t, first, rows, column, columns, sums);
    }
  }
}

static TARGET void linear(const Linear &t, int64_t begin, int64_t end, float *scratch) {
  if (t.type == Element::float32) linear_typed<float, false>(t, begin, end, scratch);
  else linear_typed<BFloat16, has_pairs>(t, begin, end, scratch);
}

}  // namespace nsarm::NAMESPACE
