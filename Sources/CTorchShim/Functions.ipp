// Elementary functions of registers, and the activations made of them.
#pragma once

#include "Vectors.ipp"

namespace nsarm::NAMESPACE {

// 2^t = 2^n 2^f for t up to 128, with integer n and f in [-1/2, 1/2]; the polynomial is the minimax
// one of degree 5, with a relative error of 2^-22. At n = 128, 2^n is infinite; below -126 it is 0.
static inline INLINE Floats power_of_two(Floats t) {
  // Rounds to integers and leaves n + 127, an exponent, in the low bits.
  const float magic = 12582912 + 127;
  t = larger(all(-127), t);
  Floats shifted = t + magic;
  Floats f = t - (shifted - magic);
  Floats p = f * 1.3276469686e-3f + 9.6755413160e-3f;
  p = p * f + 5.5507132806e-2f;
  p = p * f + 2.4022119724e-1f;
  p = p * f + 6.9314696706e-1f;
  p = p * f + 1.0f;
  return p * (Floats)((Bits)shifted << 23);
}

// 1 + e^-x, and with it sigmoid(x) = 1 / (1 + e^-x) and silu(x) = x / (1 + e^-x).
static inline INLINE Floats one_plus_exponential_of_minus(Floats x) {
  return power_of_two(smaller(all(128), x * -1.44269504088896341f)) + 1.0f;
}

// 0.5 x (1 + tanh(u)) = x sigmoid(2 u) with u = sqrt(2 / pi) (x + cubic x^3).
static const float doubled_root = 1.5957691216057308f;  // 2 sqrt(2 / pi)
static const float cubic = 0.044715f;

static inline INLINE Floats gelu_of(Floats v) {
  Floats u = v * (v * v * (doubled_root * cubic) + doubled_root);
  return v / one_plus_exponential_of_minus(u);
}

}  // namespace nsarm::NAMESPACE
