// Quantisation to 8 bits, GELU and gated residuals, and their derivatives.
#pragma once

#include "Elements.h"
#include "Functions.ipp"

namespace nsarm::NAMESPACE {

template <class X>
static TARGET void quantize_typed(const Quantize &t, int64_t begin, int64_t end) {
  const X *x = static_cast<const X *>(t.x) + begin;
  uint8_t *y = t.y + begin;
  const Steps steps(t.quantization);
  for_blocks(end - begin, [&](int64_t i, int n, int) INLINE {
    store(y + i, load(x + i, n), n, steps);
  });
}

static TARGET void quantize(const Quantize &t, int64_t begin, int64_t end) {
  if (t.x_type == Element::float32) quantize_typed<float>(t, begin, end);
  else quantize_typed<BFloat16>(t, begin, end);
}

// MARK: GELU

template <class T>
static TARGET void gelu_typed(const Activation &t, int64_t begin, int64_t end) {
  const T *x = static_cast<const T *>(t.x) + begin;
  T *y = static_cast<T *>(t.y) + begin;
  for_blocks(end - begin, [&](int64_t i, int n, int) INLINE {
    store(y + i, gelu_of(load(x + i, n)), n);
  });
}

static TARGET void gelu(const Activation &t, int64_t begin, int64_t end) {
  if (t.type == Element::float32) gelu_typed<float>(t, begin, end);
  else gelu_typed<BFloat16>(t, begin, end);
}

// With s = sigmoid(2 u): s + x s (1 - s) 2 u'.
template <class T>
static TARGET void gelu_backward_typed(const ActivationBackward &t, int64_t begin, int64_t end) {
  const T *x = static_cast<const T *>(t.x) + begin, *dy = static_cast<const T *>(t.dy) + begin;
  T *dx = static_cast<T *>(t.dx) + begin;
  for_blocks(end - begin, [&](int64_t i, int n, int) INLINE {
    // Beyond 16 the derivative is 0 or 1, and squares might overflow.
    Floats v = larger(all(-16), smaller(all(16), load(x + i, n))), square = v * v;
    Floats u = v * (square * (doubled_root * cubic) + doubled_root);
    Floats slope = square * (3 * doubled_root * cubic) + doubled_root;
    Floats s = 1.0f / one_plus_exponential_of_minus(u);
    store(dx + i, load(dy + i, n) * (s + v * slope * (s * (1.0f - s))), n);
  });
}

static TARGET void gelu_backward(const ActivationBackward &t, int64_t begin, int64_t end) {
  if (t.type == Element::float32) gelu_backward_typed<float>(t, begin, end);
  else gelu_backward_typed<BFloat16>(t, begin, end);
}

// MARK: Gated residual

template <class Y>
static TARGET void gate_typed(const Gate &t, int64_t begin, int64_t end) {
  int64_t channels = t.channels;
  for (int64_t row = begin; row < end; row++) {
    const float *x = t.x + row * channels, *gate = t.gate + row / t.group * t.gate_stride;
    const Y *y = static_cast<const Y *>(t.y) + row * channels;
    float *result = t.result + row * channels;
    for_blocks(channels, [&](int64_t i, int n, int) INLINE {
      store(result + i, load(gate + i, n) * load(y + i, n) + load(x + i, n), n);
    });
  }
}

static TARGET void gate(const Gate &t, int64_t begin, int64_t end) {
  if (t.y_type == Element::float32) gate_typed<float>(t, begin, end);
  else gate_typed<BFloat16>(t, begin, end);
}

template <class Y>
static TARGET void gate_backward_chunk(const GateBackward &t, int64_t chunk) {
  int64_t channels = t.channels, group = chunk / t.chunks, part = chunk % t.chunks;
  const float *gate = t.gate + group * t.gate_stride;
  float *dgate = t.sums + chunk * channels;
  memset(dgate, 0, channels * sizeof(float));
  int64_t end = group * t.group + t.group * (part + 1) / t.chunks;
  for (int64_t row = group * t.group + t.group * part / t.chunks; row < end; row++) {
    const float *dresult = t.dresult + row * channels;
    const Y *y = static_cast<const Y *>(t.y) + row * channels;
    Y *dy = static_cast<Y *>(t.dy) + row * channels;
    for_blocks(channels, [&](int64_t i, int n, int) INLINE {
      Floats d = load(dresult + i, n);
      store(dgate + i, load(dgate + i, n) + d * load(y + i, n), n);
      store(dy + i, d * load(gate + i, n), n);
    });
  }
}

static TARGET void gate_backward(const GateBackward &t, int64_t begin, int64_t end) {
  for (int64_t chunk = begin; chunk < end; chunk++) {
    if (t.y_type == Element::float32) gate_backward_chunk<float>(t, chunk);
    else gate_backward_chunk<BFloat16>(t, chunk);
  }
}

}  // namespace nsarm::NAMESPACE
