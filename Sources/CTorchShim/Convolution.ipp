// Convolutions with 3x3 kernels by Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, 2016):
// 36 products for 4x4 outputs, where the plain sum takes 144.
//
//   y = Aᵀ [(G w Gᵀ) ⊙ (Bᵀ d B)] A
//
// of tiles d of 6x6 pixels. The interpolation points are 0, ±a, ±b and infinity: sums and
// differences of the two points of a pair share their terms. a = 1/√2 and b = √2 make powers of
// points small and similar, and the errors half of those of the usual ±1 and ±2.
#pragma once

#include <algorithm>

#include "Convolution.h"
#include "Gemm.ipp"

namespace nsarm::NAMESPACE {

static const double point_a = 0.70710678118654752, point_b = 1.41421356237309505;
static const double square_a = 0.5, square_b = 2;

// Gᵀ of one line: 3 weights to 6 of the transformed kernel.
static inline INLINE void transform_weights(const double (&w)[3], double (&u)[6]) {
  const double of_a = 1 / (2 * square_a * (square_a - square_b));
  const double of_b = 1 / (2 * square_b * (square_b - square_a));
  double even_a = (w[0] + square_a * w[2]) * of_a, odd_a = point_a * w[1] * of_a;
  double even_b = (w[0] + square_b * w[2]) * of_b, odd_b = point_b * w[1] * of_b;
  u[0] = w[0] / (square_a * square_b);
  u[1] = even_a + odd_a;
  u[2] = even_a - odd_a;
  u[3] = even_b + odd_b;
  u[4] = even_b - odd_b;
  u[5] = w[2];
}

// Bᵀ: 6 inputs of a line.
static inline INLINE void transform_inputs(const Floats (&d)[6], Floats (&v)[6]) {
  const float aa = square_a, bb = square_b, a = point_a, b = point_b;
  Floats even_a = d[4] - d[2] * bb, odd_a = (d[3] - d[1] * bb) * a;
  Floats even_b = d[4] - d[2] * aa, odd_b = (d[3] - d[1] * aa) * b;
  v[0] = d[0] * (aa * bb) + (d[4] - d[2] * (aa + bb));
  v[1] = even_a + odd_a;
  v[2] = even_a - odd_a;
  v[3] = even_b + odd_b;
  v[4] = even_b - odd_b;
  v[5] = d[1] * (aa * bb) + (d[5] - d[3] * (aa + bb));
}

// Aᵀ: 4 outputs of a line.
static inline INLINE void transform_outputs(const Floats (&m)[6], Floats (&y)[4]) {
  const float aa = square_a, bb = square_b, a = point_a, b = point_b;
  Floats even_a = m[1] + m[2], odd_a = (m[1] - m[2]) * a;
  Floats even_b = m[3] + m[4], odd_b = (m[3] - m[4]) * b;
  y[0] = m[0] + even_a + even_b;
  y[1] = odd_a + odd_b;
  y[2] = even_a * aa + even_b * bb;
  y[3] = odd_a * aa + odd_b * bb + m[5];
}

// Kernels [O, I, 3, 3] to 36 matrices [I, O], packed as the second operands of products; rows
// [begin, end) of each.
static TARGET void pack_kernel(const float *weight, int64_t inputs, int64_t outputs, float *packed,
                               int64_t begin, int64_t end) {
  const int64_t matrix = Convolution::matrix(inputs, outputs);
  for (int64_t first = 0; first < outputs; first += panel) {
    const int64_t width = std::min(round_up(outputs - first, LANES), panel);
    for (int64_t i = begin; i < end; i++) {
      float *row = packed + first * inputs + i * width;
      for (int64_t o = first; o < std::min(first + panel, outputs); o++) {
        const float *w = weight + (o * inputs + i) * 9;
        double half[3][6], line[6];
        for (int y = 0; y < 3; y++)
          transform_weights({w[3 * y], w[3 * y + 1], w[3 * y + 2]}, half[y]);
        for (int x = 0; x < 6; x++) {
          transform_weights({half[0][x], half[1][x], half[2][x]}, line);
          for (int y = 0; y < 6; y++)
            row[(6 * y + x) * matrix + o - first] = static_cast<float>(line[y]);
        }
      }
    }
  }
}

// A tile of 4x4 outputs: its sample, and its first row and column.
struct TilePlace {
  int64_t sample, y, x;

  INLINE TilePlace(const Convolution &t, int64_t tile) {
    int64_t columns = t.tile_columns(), rows = t.tile_rows();
    x = tile % columns * 4;
    y = tile / columns % rows * 4;
    sample = tile / columns / rows;
  }
};

// Channels of the tile's inputs, `count` of the picture `x` whose pixels are `stride` apart, to row
// `row` of 36 matrices [tiles, I], `slot` apart. `places` are those of pixels, negative outside of
// the picture, for which `zeros` stands.
static TARGET void gather_channels(const float *x, int64_t stride, const int64_t (&places)[6][6],
                                   const float *zeros, int64_t count, float *row, int64_t slot) {
  const float *pixels[6][6];
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 6; j++)
      pixels[i][j] = places[i][j] < 0 ? zeros : x + places[i][j] * stride;
  for_blocks(count, [&](int64_t c, int n, int) INLINE {
    // Those of the next tile, which come from memory in pieces too short for the processor to guess
    // them.
    UNROLLED for (int i = 0; i < 6; i++)
      UNROLLED for (int j = 2; j < 6; j++) __builtin_prefetch(pixels[i][j] + 4 * stride + c);
    Floats lines[6][6];
    UNROLLED for (int i = 0; i < 6; i++) {
      Floats d[6];
      UNROLLED for (int j = 0; j < 6; j++) d[j] = load(pixels[i][j] + c, n);
      transform_inputs(d, lines[i]);
    }
    UNROLLED for (int j = 0; j < 6; j++) {
      Floats v[6];
      transform_inputs({lines[0][j], lines[1][j], lines[2][j], lines[3][j], lines[4][j],
                        lines[5][j]}, v);
      UNROLLED for (int i = 0; i < 6; i++) narrow(row + (6 * i + j) * slot + c, v[i]);
    }
  });
}

// All of the tile's inputs.
static TARGET void gather_tile(const Convolution &t, TilePlace place, const float *zeros,
                               float *row, int64_t slot) {
  int64_t places[6][6];
  const int64_t height = t.height >> t.shift, width = t.width >> t.shift;
  for (int i = 0; i < 6; i++) {
    for (int j = 0; j < 6; j++) {
      int64_t y = place.y + i - 1, x = place.x + j - 1;
      bool is_inside = y >= 0 && y < t.height && x >= 0 && x < t.width;
      places[i][j] =
          is_inside ? (place.sample * height + (y >> t.shift)) * width + (x >> t.shift) : -1;
    }
  }
  const int64_t first = t.first_inputs;
  gather_channels(t.x, first, places, zeros, first, row, slot);
  if (t.more)
    gather_channels(t.more, t.more_stride, places, zeros, t.inputs - first, row + first, slot);
}

// The tile's outputs from row `row` of 36 matrices [tiles, O]: with bias, activation and residuals.
static TARGET void scatter_tile(const Convolution &t, TilePlace place, const float *row,
                                int64_t slot) {
  for_blocks(t.outputs, [&](int64_t c, int n, int) INLINE {
    Floats lines[4][6];
    UNROLLED for (int j = 0; j < 6; j++) {
      Floats m[6], y[4];
      UNROLLED for (int i = 0; i < 6; i++) m[i] = wide(row + (6 * i + j) * slot + c);
      transform_outputs(m, y);
      UNROLLED for (int i = 0; i < 4; i++) lines[i][j] = y[i];
    }
    Floats bias = t.bias ? load(t.bias + c, n) : Floats{};
    Floats slope = t.slope ? load(t.slope + c, n) : Floats{};
    for (int i = 0; i < 4 && place.y + i < t.height; i++) {
      Floats y[4];
      transform_outputs(lines[i], y);
      int64_t first = (place.sample * t.height + place.y + i) * t.width + place.x;
      UNROLLED for (int j = 0; j < 4; j++) {
        if (place.x + j >= t.width) break;
        Floats result = y[j] + bias;
        if (t.slope) result = result > 0 ? result : result * slope;
        int64_t at = (first + j) * t.outputs + c;
        if (t.residual) result = result * t.scale + load(t.residual + at, n);
        if (t.outer) result = result * t.scale + load(t.outer + at, n);
        store(t.y + (first + j) * t.y_stride + c, result, n);
      }
    }
  });
}

// Tiles [begin, end) in strips whose 36 matrices stay in the cache. Matrix k of the inputs lies in
// slot k + 1, and its product in slot k, where the inputs have been used up.
static TARGET void convolution(const Convolution &t, int64_t begin, int64_t end, float *scratch) {
  const int64_t depth = round_up(t.inputs, LANES), width = round_up(t.outputs, LANES);
  const int64_t slot = t.slot(), matrix = Convolution::matrix(t.inputs, t.outputs);
  float *zeros = scratch + (winograd_products + 1) * slot;
  memset(zeros, 0, t.inputs * sizeof(float));
  const int64_t strips = ceil_div(end - begin, t.strip());
  for (int64_t strip = 0; strip < strips; strip++) {
    int64_t first = begin + (end - begin) * strip / strips;
    int64_t tiles = begin + (end - begin) * (strip + 1) / strips - first;
    for (int64_t i = 0; i < tiles; i++)
      gather_tile(t, TilePlace(t, first + i), zeros, scratch + slot + i * depth, slot);
    for (int64_t k = 0; k < winograd_products; k++) {
      auto a = reinterpret_cast<const uint32_t *>(scratch + (k + 1) * slot);
      auto b = reinterpret_cast<const uint32_t *>(t.kernel + k * matrix);
      multiply_all<false, true>(a, depth, tiles, {b, t.inputs}, 0, t.inputs, t.outputs,
                          scratch + k * slot, width);
    }
    for (int64_t i = 0; i < tiles; i++)
      scatter_tile(t, TilePlace(t, first + i), scratch + i * width, slot);
  }
}

}  // namespace nsarm::NAMESPACE
