// Registers of LANES floats. Vectors of GCC's kind, which Clang has too: plain arithmetic, and no
// intrinsics.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "Operands.h"

#define INLINE __attribute__((always_inline)) TARGET

// Loops over registers, which stay in memory where they are not unrolled.
#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 8")
#endif

namespace nsarm::NAMESPACE {

typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef int32_t Integers __attribute__((vector_size(4 * LANES)));
typedef uint32_t Bits __attribute__((vector_size(4 * LANES)));
typedef uint64_t Pairs __attribute__((vector_size(4 * LANES)));
typedef uint32_t HalfBits __attribute__((vector_size(2 * LANES)));
typedef uint16_t Shorts __attribute__((vector_size(2 * LANES)));
typedef uint8_t Bytes __attribute__((vector_size(LANES)));
typedef float Four __attribute__((vector_size(16)));

// bfloat16: the upper half of a float.
struct BFloat16 {
  uint16_t bits;
};

static inline INLINE Floats all(float value) { return value - Floats{}; }
// Both give b where one is NaN.
static inline INLINE Floats larger(Floats a, Floats b) { return a > b ? a : b; }
static inline INLINE Floats smaller(Floats a, Floats b) { return a < b ? a : b; }

static inline INLINE float sum(Floats v) {
  Four parts[LANES / 4];
  memcpy(parts, &v, sizeof v);
  Four s = parts[0];
  for (int i = 1; i < LANES / 4; i++) s += parts[i];
  return (s[0] + s[2]) + (s[1] + s[3]);
}

// The first n lanes of v, zero in the others.
static inline INLINE Floats kept(Floats v, int n) {
  if (n == LANES) return v;
  float lanes[LANES] = {};
  for (int i = 0; i < n; i++) lanes[i] = v[i];
  memcpy(&v, lanes, sizeof v);
  return v;
}

// MARK: Memory

static inline INLINE Floats wide(const float *p) {
  Floats v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline INLINE Floats wide(const BFloat16 *p) {
  Shorts v;
  memcpy(&v, p, sizeof v);
  return (Floats)(__builtin_convertvector(v, Bits) << 16);
}

static inline INLINE void narrow(float *p, Floats v) { memcpy(p, &v, sizeof v); }

// Rounded to nearest, ties to even.
static inline INLINE void narrow(BFloat16 *p, Floats v) {
  Bits bits = (Bits)v;
  Bits rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  Shorts result = __builtin_convertvector(v == v ? rounded : Bits{} + 0x7fc0, Shorts);
  memcpy(p, &result, sizeof result);
}

static inline INLINE void narrow(uint8_t *p, Floats v) {
  Bytes result = __builtin_convertvector(__builtin_convertvector((Bits)v, Shorts), Bytes);
  memcpy(p, &result, sizeof result);
}

// n elements; lanes beyond are zero.
template <class T>
static inline INLINE Floats load(const T *p, int n) {
  if (n == LANES) return wide(p);
  T lanes[LANES] = {};
  for (int i = 0; i < n; i++) lanes[i] = p[i];
  return wide(lanes);
}

template <class T>
static inline INLINE void store(T *p, Floats v, int n) {
  if (n == LANES) return narrow(p, v);
  T lanes[LANES];
  narrow(lanes, v);
  for (int i = 0; i < n; i++) p[i] = lanes[i];
}

// Quantization as `store` uses it; by value, since bytes that are stored might otherwise be part of
// it.
struct Steps {
  float inverse, lowest, highest;
  uint32_t base;

  INLINE Steps(const Quantization &q)
      : inverse(1 / q.scale), lowest(static_cast<float>(-q.zero_point)), highest(lowest + 255),
        base(static_cast<uint32_t>(q.zero_point) - 0x4b400000u) {}
};

// Results in their type: as they are, or quantised.
template <class T>
static inline INLINE void store(T *p, Floats v, int n, Steps) {
  store(p, v, n);
}

static inline INLINE void store(uint8_t *p, Floats v, int n, Steps steps) {
  // Adding 1.5 * 2^23, of bits 0x4b400000, rounds half to even and leaves the integer in the low
  // bits. NaN becomes 0.
  v = smaller(larger(v * steps.inverse, all(steps.lowest)), all(steps.highest));
  store(p, (Floats)((Bits)(v + 12582912.0f) + steps.base), n);
}

// Calls body(i, n, k) for the blocks of n lanes from i of a row of `count`; k alternates between 0
// and 1, for sums that do not wait for one another. n is a constant but in the last call.
template <class Body>
static inline INLINE void for_blocks(int64_t count, Body body) {
  int64_t i = 0;
  for (; i + 2 * LANES <= count; i += 2 * LANES) {
    body(i, LANES, 0);
    body(i + LANES, LANES, 1);
  }
  if (i + LANES <= count) {
    body(i, LANES, 0);
    i += LANES;
  }
  if (i < count) body(i, static_cast<int>(count - i), 1);
}

// MARK: Pairs of lanes

// (a, b) to (b, a) in each pair of lanes.
static inline INLINE Floats swapped(Floats v) {
  Pairs pairs = (Pairs)v;
  return (Floats)((pairs << 32) | (pairs >> 32));
}

// (a, a, b, b, ...) of the n / 2 floats (a, b, ...).
static inline INLINE Floats doubled(const float *p, int n) {
  HalfBits half = {};
  if (n == LANES) memcpy(&half, p, sizeof half);
  else memcpy(&half, p, n / 2 * sizeof(float));
  Pairs pairs = __builtin_convertvector(half, Pairs);
  return (Floats)(pairs | (pairs << 32));
}

// (a, b) to (-a, b) in each pair of lanes.
static inline INLINE Floats first_negated(Floats v) {
  return (Floats)((Pairs)v ^ (Pairs{} + 0x80000000u));
}

}  // namespace nsarm::NAMESPACE
