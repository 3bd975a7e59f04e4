// Layer normalisation and its derivative.
#pragma once

#include "Functions.ipp"
#include "Kernels.h"
#include "Norms.h"

namespace nsarm::NAMESPACE {

// Statistics of some rows first, which wait for sums, then the same rows again while they are in
// the cache: as many rows as hold `elements`.
static const int64_t tile_rows = 16;

static inline INLINE int64_t tile(int64_t elements, int64_t channels, int64_t limit) {
  int64_t rows = elements / channels;
  return rows < 1 ? 1 : rows < limit ? rows : limit;
}

template <class X>
static inline INLINE float mean_of(const X *x, int64_t channels) {
  Floats total[2] = {};
  for_blocks(channels, [&](int64_t i, int n, int k) INLINE { total[k] += load(x + i, n); });
  return sum(total[0] + total[1]) / channels;
}

template <class X>
static inline INLINE float variance_of(const X *x, float mean, int64_t channels) {
  Floats squares[2] = {};
  for_blocks(channels, [&](int64_t i, int n, int k) INLINE {
    Floats centred = kept(load(x + i, n) - mean, n);
    squares[k] += centred * centred;
  });
  return sum(squares[0] + squares[1]) / channels;
}

template <class X, class Y, bool silu>
static TARGET void norm_rows(const Norm &task, int64_t begin, int64_t end) {
  const Norm t = task;  // a copy that stores cannot change
  const int64_t channels = t.channels;
  const Steps steps(t.quantization);
  const int64_t limit = tile(2048, channels, tile_rows);
  float means[tile_rows], inverses[tile_rows];
  while (begin < end) {
    // Rows of one tile share their weights.
    int64_t group = begin / t.group, rest = (group + 1) * t.group - begin;
    int64_t rows = end - begin < rest ? end - begin : rest;
    if (rows > limit) rows = limit;
    const X *x = static_cast<const X *>(t.x) + begin * channels;
    for (int64_t row = 0; row < rows; row++) {
      means[row] = mean_of(x + row * channels, channels);
      float variance = variance_of(x + row * channels, means[row], channels);
      inverses[row] = 1 / __builtin_sqrtf(variance + t.epsilon);
    }
    if (t.mean) {
      memcpy(t.mean + begin, means, rows * sizeof(float));
      memcpy(t.inverse_deviation + begin, inverses, rows * sizeof(float));
    }
    const float *weight = t.weight + group * t.weight_stride;
    const float *bias = t.bias + group * t.bias_stride;
    Y *y = static_cast<Y *>(t.y) + begin * channels;
    for (int64_t row = 0; row < rows; row++, x += channels, y += channels) {
      float mean = means[row], inverse = inverses[row];
      for_blocks(channels, [&](int64_t i, int n, int) INLINE {
        Floats normalized = (load(x + i, n) - mean) * inverse;
        Floats z = normalized * (load(weight + i, n) + t.offset) + load(bias + i, n);
        store(y + i, silu ? z / one_plus_exponential_of_minus(z) : z, n, steps);
      });
    }
    begin += rows;
  }
}

template <class X, class Y>
static TARGET void norm_typed(const Norm &t, int64_t begin, int64_t end) {
  if (t.silu) norm_rows<X, Y, true>(t, begin, end);
  else norm_rows<X, Y, false>(t, begin, end);
}

template <class X>
static TARGET void norm_from(const Norm &t, int64_t begin, int64_t end) {
  switch (t.y_type) {
    case Element::float32: return norm_typed<X, float>(t, begin, end);
    case Element::bfloat16: return norm_typed<X, BFloat16>(t, begin, end);
    case Element::uint8: return norm_typed<X, uint8_t>(t, begin, end);
  }
}

static TARGET void norm(const Norm &t, int64_t begin, int64_t end) {
  if (t.x_type == Element::float32) norm_from<float>(t, begin, end);
  else norm_from<BFloat16>(t, begin, end);
}

// With x^ the normalised row, z = x^ w + b and g = dy silu'(z):
// dw = sum g x^, db = sum g, dx = (g w - mean(g w) - x^ mean(g w x^)) / deviation.
template <class X, class DY, bool silu>
static TARGET void norm_backward_chunk(const NormBackward &task, int64_t chunk, float *scratch) {
  const NormBackward t = task;
  const int64_t channels = t.channels;
  int64_t group = chunk / t.chunks, part = chunk % t.chunks;
  int64_t begin = group * t.group + t.group * part / t.chunks;
  int64_t end = group * t.group + t.group * (part + 1) / t.chunks;
  const float *weight = t.weight + group * t.weight_stride;
  const float *bias = t.bias + group * t.bias_stride;
  float *dweight = t.sums + chunk * 2 * channels, *dbias = dweight + channels;
  memset(dweight, 0, 2 * channels * sizeof(float));
  float shifts[scratch_rows], slopes[scratch_rows];
  const int64_t limit = tile(512, channels, scratch_rows);
  for (int64_t first = begin; first < end; first += limit) {
    const int64_t rows = end - first < limit ? end - first : limit;
    for (int64_t row = 0; row < rows; row++) {
      const X *x = static_cast<const X *>(t.x) + (first + row) * channels;
      const DY *dy = static_cast<const DY *>(t.dy) + (first + row) * channels;
      float *kept_row = scratch + row * channels;  // g w
      float mean = t.mean[first + row], inverse = t.inverse_deviation[first + row];
      Floats total[2] = {}, products[2] = {};
      for_blocks(channels, [&](int64_t i, int n, int k) INLINE {
        Floats normalized = (load(x + i, n) - mean) * inverse;
        Floats w = load(weight + i, n) + t.offset, g = load(dy + i, n);
        if (silu) {
          Floats z = normalized * w + load(bias + i, n);
          Floats s = 1.0f / one_plus_exponential_of_minus(z);
          // Below -128, where s is 0, an infinite z would make it NaN.
          g *= s * (1.0f + larger(all(-128), z) * (1.0f - s));
        }
        store(dweight + i, load(dweight + i, n) + g * normalized, n);
        store(dbias + i, load(dbias + i, n) + g, n);
        Floats weighted = g * w;  // zero in lanes beyond n, as g is
        if (silu) store(kept_row + i, weighted, n);  // otherwise as quick to compute again
        total[k] += weighted;
        products[k] += weighted * normalized;
      });
      shifts[row] = sum(total[0] + total[1]) / channels;
      slopes[row] = sum(products[0] + products[1]) / channels;
    }
    for (int64_t row = 0; row < rows; row++) {
      const X *x = static_cast<const X *>(t.x) + (first + row) * channels;
      X *dx = static_cast<X *>(t.dx) + (first + row) * channels;
      const DY *dy = static_cast<const DY *>(t.dy) + (first + row) * channels;
      const float *kept_row = scratch + row * channels;
      float mean = t.mean[first + row], inverse = t.inverse_deviation[first + row];
      float shift = shifts[row], slope = slopes[row];
      for_blocks(channels, [&](int64_t i, int n, int) INLINE {
        Floats normalized = (load(x + i, n) - mean) * inverse;
        Floats weighted = silu ? load(kept_row + i, n)
                               : load(dy + i, n) * (load(weight + i, n) + t.offset);
        store(dx + i, (weighted - shift - normalized * slope) * inverse, n);
      });
    }
  }
}

template <class X, class DY>
static TARGET void norm_backward_typed(const NormBackward &t, int64_t begin, int64_t end,
                                       float *scratch) {
  for (int64_t chunk = begin; chunk < end; chunk++) {
    if (t.silu) norm_backward_chunk<X, DY, true>(t, chunk, scratch);
    else norm_backward_chunk<X, DY, false>(t, chunk, scratch);
  }
}

static TARGET void norm_backward(const NormBackward &t, int64_t begin, int64_t end,
                                 float *scratch) {
  bool is_wide = t.x_type == Element::float32, is_gradient_wide = t.dy_type == Element::float32;
  if (is_wide && is_gradient_wide) norm_backward_typed<float, float>(t, begin, end, scratch);
  else if (is_wide) norm_backward_typed<float, BFloat16>(t, begin, end, scratch);
  else if (is_gradient_wide) norm_backward_typed<BFloat16, float>(t, begin, end, scratch);
  else norm_backward_typed<BFloat16, BFloat16>(t, begin, end, scratch);
}

}  // namespace nsarm::NAMESPACE
