// Convolutions of bfloat16 with 3x3 kernels: plain sums of products over nine taps and all
// channels, which stay in registers. The pictures' border of zeros makes a tap the same distance
// from every pixel, so that successive pixels, those of the border among them, are the rows of a
// product; the results for the border are not written.
//
// Every element is summed in one order, whatever pixels are computed together.
#pragma once

#include "DenseBlocks.h"
#include "Gemm.ipp"
#include "Kernels.h"

namespace nsarm::NAMESPACE {

#ifdef BFLOAT16_PAIRS

// 16 words of a tap's channels: those of a sample's first pixel, and from pixel to pixel in bytes.
struct DenseStep {
  const char *start;
  int64_t stride;
};
static_assert(sizeof(DenseStep) == 4 * sizeof(float), "scratch memory holds steps");

static const int64_t step_words = dense_inputs / 2;

// Calls body(tap, c) for the steps of a sum: taps and the first of 32 channels.
template <class Body>
static inline INLINE void for_dense_steps(int64_t inputs, Body body) {
  for (int64_t tap = 0; tap < 9; tap++)
    for (int64_t c = 0; c < inputs; c += dense_inputs) body(tap, c);
}

// Of [O, I, 3, 3] to panels [steps, 16, 32] of words.
static TARGET void pack_dense(const uint16_t *weight, int64_t inputs, uint32_t *packed,
                              int64_t begin, int64_t end) {
  for (int64_t p = begin; p < end; p++) {
    uint32_t *words = packed + p * DenseConvolution::panel(inputs);
    for_dense_steps(inputs, [&](int64_t tap, int64_t c) INLINE {
      for (int64_t i = c; i < c + dense_inputs; i += 2) {
        for (int64_t o = 0; o < dense_outputs; o++) {
          const uint16_t *w = weight + ((p * dense_outputs + o) * inputs + i) * 9 + tap;
          *words++ = w[0] | static_cast<uint32_t>(w[9]) << 16;
        }
      }
    });
  }
}

// The steps of a sample, in the order of a packed panel.
static TARGET void dense_steps(const DenseConvolution &t, int64_t sample, DenseStep *steps) {
  for_dense_steps(t.inputs, [&](int64_t tap, int64_t c) INLINE {
    const int64_t pixel = sample * t.pixels() + (tap / 3 - 1) * t.row() + tap % 3 - 1;
    const bool is_first = c < t.first_inputs;
    const int64_t stride = is_first ? t.first_inputs : t.more_stride;
    const uint16_t *start = is_first ? t.x + c : t.more + (c - t.first_inputs);
    *steps++ = {reinterpret_cast<const char *>(start + pixel * stride),
                stride * static_cast<int64_t>(sizeof *start)};
  });
}

// sums [32 pixels, 32 outputs] of pixels from `pixel` on.
#ifdef TILES
static inline INLINE void dense_products(const DenseStep *steps, int64_t count, int64_t pixel,
                                         const uint32_t *b, float *sums) {
  const int64_t b_stride = 4 * dense_outputs;
  // Tiles 0 to 3 are sums, 4 and 5 of pixels, 6 and 7 of the kernel. GCC does not know that tiles
  // are loaded from memory.
  __asm__ volatile("" ::: "memory");
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t s = 0; s < count; s++, b += step_words * dense_outputs) {
    const int64_t stride = steps[s].stride;
    const char *a = steps[s].start + pixel * stride;
    _tile_loadd(6, b, b_stride);
    _tile_loadd(4, a, stride);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(5, a + tile_height * stride, stride);
    _tile_dpbf16ps(2, 5, 6);
    _tile_loadd(7, b + tile_width, b_stride);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(3, 5, 7);
  }
  float *below = sums + tile_height * dense_outputs;
  _tile_stored(0, sums, b_stride);
  _tile_stored(1, sums + tile_width, b_stride);
  _tile_stored(2, below, b_stride);
  _tile_stored(3, below + tile_width, b_stride);
  __asm__ volatile("" ::: "memory");
}
#else
static inline INLINE void dense_products(const DenseStep *steps, int64_t count, int64_t pixel,
                                         const uint32_t *b, float *sums) {
  const int rows = 8, vectors = dense_outputs / LANES;
  for (int64_t first = 0; first < dense_pixels; first += rows, sums += rows * dense_outputs) {
    Floats totals[rows][vectors] = {};
    const uint32_t *words = b;
    for (int64_t s = 0; s < count; s++) {
      const int64_t stride = steps[s].stride;
      const char *a = steps[s].start + (pixel + first) * stride;
      for (int64_t i = 0; i < step_words; i++, a += 4, words += dense_outputs) {
        Floats columns[vectors];
        UNROLLED for (int v = 0; v < vectors; v++)
          columns[v] = wide(reinterpret_cast<const float *>(words) + v * LANES);
        UNROLLED for (int row = 0; row < rows; row++) {
          uint32_t word;
          memcpy(&word, a + row * stride, sizeof word);
          UNROLLED for (int v = 0; v < vectors; v++)
            totals[row][v] = plus_product<true>(totals[row][v], word, columns[v]);
        }
      }
    }
    UNROLLED for (int row = 0; row < rows; row++)
      UNROLLED for (int v = 0; v < vectors; v++)
        narrow(sums + row * dense_outputs + v * LANES, totals[row][v]);
  }
}
#endif

// 32 numbers, rounded to nearest, ties to even.
static inline INLINE void narrow(BFloat16 *p, const Floats (&v)[2]) {
  __m512bh result = _mm512_cvtne2ps_pbh((__m512)v[1], (__m512)v[0]);
  memcpy(p, &result, sizeof result);
}

// Sums of pixels from `pixel` of a sample on, over outputs from `output` on, to results.
static inline INLINE void finish_dense(const DenseConvolution &t, int64_t sample, int64_t pixel,
                                       int64_t output, const float *sums) {
  static_assert(dense_outputs == 2 * LANES, "two registers of outputs");
  auto results = reinterpret_cast<BFloat16 *>(t.y) + output;
  const Floats bias[2] = {wide(t.bias + output), wide(t.bias + output + LANES)};
  int64_t row = pixel / t.row(), column = pixel % t.row();
  for (int64_t i = 0; i < dense_pixels; i++, sums += dense_outputs, column++) {
    if (column == t.row()) column = 0, row++;
    if (row > t.height) return;
    if (column < 1 || column > t.width) continue;
    const int64_t at = ((sample * t.height + row - 1) * t.width + column - 1) * t.outputs + output;
    BFloat16 *y = results + (sample * t.pixels() + pixel + i) * t.y_stride;
    Floats v[2];
    UNROLLED for (int half = 0; half < 2; half++) {
      const int64_t c = half * LANES;
      v[half] = wide(sums + c) + bias[half];
      if (t.residual) {
        v[half] = v[half] * t.scale + wide(t.residual + at + c);
        if (t.outer) v[half] = v[half] * t.scale + wide(t.outer + at + c);
        narrow(t.sum + at + c, v[half]);
      } else {
        v[half] = v[half] > 0 ? v[half] : v[half] * t.slope;
      }
    }
    narrow(y, v);
  }
}

// Blocks [begin, end) of all samples.
static TARGET void dense_convolution(const DenseConvolution &task, int64_t begin, int64_t end,
                                     float *scratch) {
  const DenseConvolution t = task;
#ifdef TILES
  Tiles tiles;
#endif
  float *sums = scratch;
  auto steps = reinterpret_cast<DenseStep *>(scratch + dense_pixels * dense_outputs);
  int64_t sample_of_steps = -1;
  for (int64_t block = begin; block < end; block++) {
    const int64_t sample = block / t.blocks();
    const int64_t pixel = t.row() + 1 + block % t.blocks() * dense_pixels;
    if (sample != sample_of_steps) dense_steps(t, sample_of_steps = sample, steps);
    for (int64_t output = 0; output < t.outputs; output += dense_outputs) {
      const uint32_t *b = t.kernel + output / dense_outputs * DenseConvolution::panel(t.inputs);
      dense_products(steps, t.steps(), pixel, b, sums);
      finish_dense(t, sample, pixel, output, sums);
    }
  }
}

#else
static constexpr decltype(Kernels::pack_dense) pack_dense = nullptr;
static constexpr decltype(Kernels::dense_convolution) dense_convolution = nullptr;
#endif

}  // namespace nsarm::NAMESPACE
