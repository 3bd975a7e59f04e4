// Rows in 8 bits: x_j = step i_j with integers i_j, a step per row.
#pragma once

#include "Vectors.ipp"

namespace nsarm::NAMESPACE {

// The largest absolute value of a row, NaN where there is one: as bits, NaNs are the largest.
template <class T>
static inline INLINE float largest_magnitude(const T *row, int64_t channels) {
  Integers most = {};
  for_blocks(channels, [&](int64_t i, int n, int) INLINE {
    Integers bits = (Integers)((Bits)load(row + i, n) & 0x7fffffff);
    most = bits > most ? bits : most;
  });
  int32_t bits = most[0];
  for (int i = 1; i < LANES; i++) bits = most[i] > bits ? most[i] : bits;
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

// The scale of a row's integers, which are -limit ... limit; not finite where the row is not. It
// has an inverse: a row too small for that counts as zeros.
static inline INLINE float scale_of(const float *row, int64_t count, int limit) {
  const float most = largest_magnitude(row, count);
  return most < 0x1p-100f ? 1 : most / limit;
}

// x inverse, rounded half to even, plus `base`, as bytes.
static inline INLINE void quantize_row(const float *x, int64_t count, float inverse, int limit,
                                       int base, uint8_t *q) {
  const uint32_t offset = static_cast<uint32_t>(base) - 0x4b400000u;
  for_blocks(count, [&](int64_t i, int n, int) INLINE {
    Floats v = load(x + i, n) * inverse;
    v = smaller(larger(v, all(-limit)), all(limit));
    // Adding 1.5 * 2^23, of bits 0x4b400000, leaves the integer in the low bits.
    store(q + i, (Floats)((Bits)(v + 12582912.0f) + offset), n);
  });
}

// The step of a row's integers, which are -limit ... limit; above zero, so that it has an inverse
// and a logarithm.
template <class T>
static inline INLINE float step_of(const T *row, int64_t channels, int limit) {
  const float step = largest_magnitude(row, channels) / limit, least = 0x1p-40f;
  return step < least ? least : step;
}

// Rounded to nearest, ties to even, for |v| < 2^22; see `store` of bytes.
static inline INLINE Integers nearest(Floats v) {
  return (Integers)((Bits)(v + 12582912.0f) - 0x4b400000u);
}

static inline INLINE void narrow_bytes(uint8_t *p, Integers v) {
  Bytes bytes = __builtin_convertvector(__builtin_convertvector((Bits)v, Shorts), Bytes);
  memcpy(p, &bytes, sizeof bytes);
}

// Calls body(i, n, bytes) for the n integers of a row from i on, plus `base`.
template <class T, class Body>
static inline INLINE void for_bytes(const T *row, int64_t channels, float step, int base,
                                    Body body) {
  const float inverse = 1 / step;
  for_blocks(channels, [&](int64_t i, int n, int) INLINE {
    Floats scaled = load(row + i, n) * inverse;
    uint8_t bytes[LANES];
    narrow_bytes(bytes, nearest(scaled) + base);
    body(i, n, bytes);
  });
}

}  // namespace nsarm::NAMESPACE
