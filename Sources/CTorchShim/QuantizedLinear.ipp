// Products of rows with a matrix, both in 8 bits: the matrix is packed beforehand, the rows are
// quantised on the way, each with a scale of its own.
#pragma once

#include "Dots.ipp"
#include "Functions.ipp"
#include "QuantizedLinear.h"
#include "QuantizedRows.ipp"
#include "Rounding.h"
#include "Tiles.ipp"

namespace nsarm::NAMESPACE {

// Rows and columns of a product that are summed in registers, what inputs are rounded up to, and
// the bytes of a panel that are multiplied by all rows before the next ones.
#ifdef TILES
static const int dot_rows = 2 * tile_height, dot_vectors = 4, dot_step = 4 * tile_words;
static const int64_t block_bytes = 32768;
#else
static const int dot_rows = LANES == 16 ? 6 : 4, dot_vectors = LANES == 16 ? 4 : 2, dot_step = 8;
static const int64_t block_bytes = 16384;
#endif
// Outputs of a packed panel.
static const int64_t dot_panel = dot_vectors * LANES;
static_assert(dot_panel <= product_panel && dot_rows <= product_rows,
              "scratch memory is for these");

// Inputs of a product, in steps.
static inline INLINE int64_t steps_of(int64_t inputs) { return ceil_div(inputs, dot_step); }

// MARK: Packing

// Row `row` of a matrix, in float32 and up to a factor of the whole row, which is returned.
static TARGET float matrix_row(const PackMatrix &t, int64_t row, float *values) {
  const int64_t count = t.inputs;
  switch (t.format) {
    case MatrixFormat::float32:
      memcpy(values, static_cast<const float *>(t.matrix) + row * count, count * sizeof(float));
      return 1;
    case MatrixFormat::bfloat16: {
      const BFloat16 *x = static_cast<const BFloat16 *>(t.matrix) + row * count;
      for_blocks(count,
                 [&](int64_t i, int n, int) INLINE { store(values + i, load(x + i, n), n); });
      return 1;
    }
    case MatrixFormat::int8: {
      const int8_t *x = static_cast<const int8_t *>(t.matrix) + row * count;
      for (int64_t i = 0; i < count; i++) values[i] = x[i];
      return t.matrix_scales[row];
    }
    case MatrixFormat::int4: {
      const uint8_t *x = static_cast<const uint8_t *>(t.matrix) + row * (count / 2);
      const int64_t groups = count / t.group;
      for (int64_t g = 0; g < groups; g++) {
        const float scale = t.matrix_scales[row * groups + g];
        for (int64_t i = g * t.group; i < (g + 1) * t.group; i += 2) {
          values[i] = scale * ((x[i / 2] & 15) - 8);
          values[i + 1] = scale * ((x[i / 2] >> 4) - 8);
        }
      }
      return 1;
    }
  }
  return 0;
}

// Panels of a matrix: a word of every output, then the next one.
static TARGET void pack_matrix(const PackMatrix &t, int64_t begin, int64_t end, float *scratch) {
  const int64_t words = dot_step / 4 * steps_of(t.inputs), size = 4 * words * dot_panel;
  auto bytes = reinterpret_cast<uint8_t *>(scratch + t.inputs);
  for (int64_t panel = begin; panel < end; panel++) {
    auto packed = reinterpret_cast<uint32_t *>(t.packed + panel * size);
    for (int64_t lane = 0; lane < dot_panel; lane++) {
      const int64_t row = panel * dot_panel + lane;
      int32_t sum = 0;
      if (row < t.outputs) {
        float factor = matrix_row(t, row, scratch);
        const float scale = scale_of(scratch, t.inputs, dot_second_limit);
        memset(bytes, 0, 4 * words);
        quantize_row(scratch, t.inputs, 1 / scale, dot_second_limit, 0, bytes);
        for (int64_t i = 0; i < t.inputs; i++) sum += static_cast<int8_t>(bytes[i]);
        t.scales[row] = scale * factor;
        t.offsets[row] = sum * dot_zero_point;
      } else {
        memset(bytes, 0, 4 * words);
      }
      for (int64_t i = 0; i < words; i++) memcpy(packed + i * dot_panel + lane, bytes + 4 * i, 4);
    }
  }
}

// MARK: Rows

// Blocks of `dot_rows` rows, a step of every row after each other.
template <class T>
static TARGET void pack_rows_typed(const PackRows &t, int64_t begin, int64_t end, float *scratch) {
  const int64_t steps = steps_of(t.inputs);
  auto bytes = reinterpret_cast<uint8_t *>(scratch + t.inputs);
  for (int64_t block = begin; block < end; block++) {
    uint8_t *packed = t.packed + block * dot_rows * steps * dot_step;
    for (int64_t lane = 0; lane < dot_rows; lane++) {
      const int64_t row = block * dot_rows + lane;
      memset(bytes, dot_zero_point, dot_step * steps);
      if (row < t.rows) {
        const T *x = static_cast<const T *>(t.x) + row * t.inputs;
        for_blocks(t.inputs,
                   [&](int64_t i, int n, int) INLINE { store(scratch + i, load(x + i, n), n); });
        const int limit = dot_first_limit - dot_zero_point;
        const float scale = scale_of(scratch, t.inputs, limit);
        quantize_row(scratch, t.inputs, 1 / scale, limit, dot_zero_point, bytes);
        t.scales[row] = scale;
      }
      for (int64_t i = 0; i < steps; i++)
        memcpy(packed + (i * dot_rows + lane) * dot_step, bytes + dot_step * i, dot_step);
    }
  }
}

static TARGET void pack_rows(const PackRows &t, int64_t begin, int64_t end, float *scratch) {
  if (t.type == Element::float32) pack_rows_typed<float>(t, begin, end, scratch);
  else pack_rows_typed<BFloat16>(t, begin, end, scratch);
}

// MARK: Product

// `dot_rows` rows, of which `rows` count, times a panel over some steps, added to `sums` or, at
// first, written there.
#ifdef TILES
static TARGET void multiply_block(const uint8_t *a, const Integers *b, int64_t rows, int64_t steps,
                                  bool first, int32_t *sums) {
  multiply_all_tiles<true>({a, dot_step, dot_rows * dot_step}, rows < dot_rows ? rows : dot_rows,
                           b, 4 * dot_panel, dot_panel, steps, sums, 4 * dot_panel, first);
}
#else
static TARGET void multiply_block(const uint8_t *a, const Integers *b, int64_t, int64_t steps,
                                  bool first, int32_t *sums) {
  Integers totals[dot_rows][dot_vectors];
  UNROLLED for (int row = 0; row < dot_rows; row++)
    UNROLLED for (int v = 0; v < dot_vectors; v++) {
      if (first) totals[row][v] = Integers{};
      else memcpy(&totals[row][v], sums + row * dot_panel + v * LANES, sizeof(Integers));
    }
  for (int64_t i = 0; i < steps; i++, a += 8 * dot_rows, b += 2 * dot_vectors) {
    UNROLLED for (int row = 0; row < dot_rows; row++) {
      uint32_t words[2];
      memcpy(words, a + 8 * row, sizeof words);
      UNROLLED for (int v = 0; v < dot_vectors; v++)
        totals[row][v] =
            plus_dots(totals[row][v], words[0], b[v], words[1], b[dot_vectors + v]);
    }
  }
  UNROLLED for (int row = 0; row < dot_rows; row++)
    UNROLLED for (int v = 0; v < dot_vectors; v++)
      memcpy(sums + row * dot_panel + v * LANES, &totals[row][v], sizeof(Integers));
}
#endif

// Sums of some rows over a panel to results.
template <class T, bool gelu>
static inline INLINE void finish_rows(const Product &t, int64_t first, int64_t rows, int64_t panel,
                                      const int32_t *sums) {
  const int64_t column = panel * dot_panel;
  const int64_t rest = t.outputs - column, columns = rest < dot_panel ? rest : dot_panel;
  for (int64_t row = 0; row < rows; row++) {
    T *result = static_cast<T *>(t.result) + (first + row) * t.outputs + column;
    const float row_scale = t.row_scales[first + row];
    for_blocks(columns, [&](int64_t i, int n, int) INLINE {
      Integers dots, offsets = {};
      memcpy(&dots, sums + row * dot_panel + i, sizeof dots);
      memcpy(&offsets, t.offsets + column + i, n * sizeof(int32_t));
      Floats v = __builtin_convertvector(dots - offsets, Floats);
      v *= load(t.scales + column + i, n) * row_scale;
      if (t.bias) v += load(t.bias + column + i, n);
      if (gelu) v = gelu_of(v);
      store(result + i, v, n);
    });
  }
}

template <class T, bool gelu>
static TARGET void product_typed(const Product &task, int64_t begin, int64_t end,
                                 int32_t *scratch) {
  const Product t = task;
  const int64_t steps = steps_of(t.inputs), size = dot_step * steps * dot_panel;
  // A block of a panel stays in the first cache, the rows of a round in the second.
  const int64_t block_steps = block_bytes / (dot_step * dot_panel);
  const int64_t fitting = 384 * 1024 / (dot_step * steps * dot_rows) * dot_rows;
  const int64_t round = fitting < dot_rows ? dot_rows
                        : fitting < product_round ? fitting : product_round / dot_rows * dot_rows;
  for (int64_t first = 0; first < t.rows; first += round) {
    const int64_t rows = t.rows - first < round ? t.rows - first : round;
    const uint8_t *a = t.packed_rows + first * dot_step * steps;
    for (int64_t panel = begin; panel < end; panel++) {
      const Integers *b = reinterpret_cast<const Integers *>(t.packed + panel * size);
      for (int64_t step = 0; step < steps; step += block_steps) {
        const int64_t count = steps - step < block_steps ? steps - step : block_steps;
        for (int64_t row = 0; row < rows; row += dot_rows)
          multiply_block(a + (row * steps + step * dot_rows) * dot_step,
                         b + dot_step / 4 * dot_vectors * step, rows - row, count, step == 0,
                         scratch + row * dot_panel);
      }
      finish_rows<T, gelu>(t, first, rows, panel, scratch);
    }
  }
}

static TARGET void product(const Product &t, int64_t begin, int64_t end, int32_t *scratch) {
#ifdef TILES
  Tiles tiles;
#endif
  if (t.type == Element::float32) {
    if (t.gelu) product_typed<float, true>(t, begin, end, scratch);
    else product_typed<float, false>(t, begin, end, scratch);
  } else {
    if (t.gelu) product_typed<BFloat16, true>(t, begin, end, scratch);
    else product_typed<BFloat16, false>(t, begin, end, scratch);
  }
}

}  // namespace nsarm::NAMESPACE
