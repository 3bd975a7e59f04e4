// Attention heads with rotary positions, and their derivative.
#pragma once

#include "Heads.h"
#include "Vectors.ipp"

namespace nsarm::NAMESPACE {

// Turns in each pair of channels, (a cos - b sin, a sin + b cos): x * turn + swapped(x) * cross,
// with turn in table[0..<c] and cross in table[c..<2 c].
static inline INLINE void fill_turns(const Heads &t, int64_t token, float *table) {
  int64_t half = t.channels / 2, position = token % t.turns;
  const float *cosines = t.cosines + position * half, *sines = t.sines + position * half;
  for_blocks(t.channels, [&](int64_t i, int n, int) INLINE {
    store(table + i, doubled(cosines + i / 2, n), n);
    store(table + t.channels + i, first_negated(doubled(sines + i / 2, n)), n);
  });
}

static const float shortest = 1e-12f;  // vectors below this length are divided by it

template <class T>
static inline INLINE float length_of(const T *x, int64_t channels) {
  Floats squares[2] = {};
  for_blocks(channels, [&](int64_t i, int n, int k) INLINE {
    Floats v = load(x + i, n);
    squares[k] += v * v;
  });
  return __builtin_sqrtf(sum(squares[0] + squares[1]));
}

template <class T>
static inline INLINE void rotate_head(const T *x, T *y, int64_t channels, float strength,
                                      const float *table) {
  float length = length_of(x, channels);
  float factor = strength / (length > shortest ? length : shortest);
  for_blocks(channels, [&](int64_t i, int n, int) INLINE {
    Floats v = load(x + i, n) * factor;
    store(y + i, v * load(table + i, n) + swapped(v) * load(table + channels + i, n), n);
  });
}

template <class T>
static TARGET void rotate_heads_typed(const RotateHeads &t, int64_t begin, int64_t end,
                                      float *table) {
  int64_t c = t.channels, width = t.heads * c;
  for (int64_t token = begin; token < end; token++) {
    fill_turns(t, token, table);
    const T *x = static_cast<const T *>(t.qkv) + token * 3 * width;
    for (int64_t head = 0; head < t.heads; head++, x += c) {
      int64_t place = ((token / t.length * t.heads + head) * t.length + token % t.length) * c;
      rotate_head(x, static_cast<T *>(t.q) + place, c, t.strength[head], table);
      rotate_head(x + width, static_cast<T *>(t.k) + place, c, 1, table);
      memcpy(static_cast<T *>(t.v) + place, x + 2 * width, c * sizeof(T));
    }
  }
}

static TARGET void rotate_heads(const RotateHeads &t, int64_t begin, int64_t end, float *scratch) {
  if (t.type == Element::float32) rotate_heads_typed<float>(t, begin, end, scratch);
  else rotate_heads_typed<BFloat16>(t, begin, end, scratch);
}

// With x^ = x / |x| and g the gradient turned back: d strength = g x^, dx = strength / |x| (g - x^
// (g x^)). Returns d strength.
template <class T>
static inline INLINE float rotate_head_backward(const T *x, const T *dy, T *dx, int64_t channels,
                                                float strength, float *table) {
  float *turned_back = table + 2 * channels;
  Floats products[2] = {}, squares[2] = {};
  for_blocks(channels, [&](int64_t i, int n, int k) INLINE {
    Floats d = load(dy + i, n), v = load(x + i, n);
    Floats g = d * load(table + i, n) - swapped(d) * load(table + channels + i, n);
    store(turned_back + i, g, n);
    products[k] += g * v;
    squares[k] += v * v;
  });
  float length = __builtin_sqrtf(sum(squares[0] + squares[1]));
  float inverse = 1 / (length > shortest ? length : shortest);
  float product = sum(products[0] + products[1]) * inverse;
  float along = length > shortest ? product * inverse : 0;
  for_blocks(channels, [&](int64_t i, int n, int) INLINE {
    Floats g = load(turned_back + i, n);
    store(dx + i, (g - load(x + i, n) * along) * (strength * inverse), n);
  });
  return product;
}

template <class T>
static TARGET void rotate_heads_backward_typed(const RotateHeadsBackward &t, int64_t chunk,
                                               float *table) {
  int64_t c = t.channels, width = t.heads * c;
  float *dstrength = t.sums + chunk * t.heads;
  memset(dstrength, 0, t.heads * sizeof(float));
  int64_t end = t.tokens * (chunk + 1) / t.chunks;
  for (int64_t token = t.tokens * chunk / t.chunks; token < end; token++) {
    fill_turns(t, token, table);
    const T *x = static_cast<const T *>(t.qkv) + token * 3 * width;
    T *dx = static_cast<T *>(t.dqkv) + token * 3 * width;
    for (int64_t head = 0; head < t.heads; head++, x += c, dx += c) {
      int64_t place = ((token / t.length * t.heads + head) * t.length + token % t.length) * c;
      dstrength[head] += rotate_head_backward(x, static_cast<const T *>(t.dq) + place, dx, c,
                                              t.strength[head], table);
      rotate_head_backward(x + width, static_cast<const T *>(t.dk) + place, dx + width, c, 1,
                           table);
      memcpy(dx + 2 * width, static_cast<const T *>(t.dv) + place, c * sizeof(T));
    }
  }
}

static TARGET void rotate_heads_backward(const RotateHeadsBackward &t, int64_t begin, int64_t end,
                                         float *scratch) {
  for (int64_t chunk = begin; chunk < end; chunk++) {
    if (t.type == Element::float32) rotate_heads_backward_typed<float>(t, chunk, scratch);
    else rotate_heads_backward_typed<BFloat16>(t, chunk, scratch);
  }
}

}  // namespace nsarm::NAMESPACE
