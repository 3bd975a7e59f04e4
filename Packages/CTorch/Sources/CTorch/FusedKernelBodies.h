// The kernels of FusedKernels.h for one instruction set: FusedKernels.cpp includes this file
// several times, with NAMESPACE, LANES and TARGET defined.

namespace nsarm::NAMESPACE {

#include "FusedVectors.h"

// MARK: Layer normalisation

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

// 0.5 x (1 + tanh(u)) = x sigmoid(2 u) with u = sqrt(2 / pi) (x + cubic x^3).
static const float doubled_root = 1.5957691216057308f;  // 2 sqrt(2 / pi)
static const float cubic = 0.044715f;

template <class T>
static TARGET void gelu_typed(const Activation &t, int64_t begin, int64_t end) {
  const T *x = static_cast<const T *>(t.x) + begin;
  T *y = static_cast<T *>(t.y) + begin;
  for_blocks(end - begin, [&](int64_t i, int n, int) INLINE {
    Floats v = load(x + i, n);
    Floats u = v * (v * v * (doubled_root * cubic) + doubled_root);
    store(y + i, v / one_plus_exponential_of_minus(u), n);
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

// MARK: Attention heads

// Turns in each pair of channels, (a cos - b sin, a sin + b cos): x * turn + swapped(x) * cross,
// with turn in table[0..<c] and cross in table[c..<2 c].
static inline INLINE void fill_turns(const Heads &t, int64_t token, float *table) {
  int64_t half = t.channels / 2, position = token % t.length;
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

#include "FusedAttentionBodies.h"

static const Kernels table = {
  norm, norm_backward, quantize, gelu, gelu_backward, rotate_heads, rotate_heads_backward,
  gate, gate_backward, attention,
};

}  // namespace nsarm::NAMESPACE
#undef INLINE
