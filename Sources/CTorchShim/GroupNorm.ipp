// Group normalisation of channels-last pictures in two passes over memory: sums per chunk of
// positions, and after their reduction an affine map per channel.
#pragma once

#include <algorithm>

#include "Functions.ipp"
#include "GroupNorm.h"

namespace nsarm::NAMESPACE {

static TARGET void group_sums(const GroupNorm &t, int64_t begin, int64_t end, double *scratch) {
  double *sums = scratch, *squares = scratch + t.channels;
  const int64_t width = t.channels / t.groups;
  for (int64_t chunk = begin; chunk < end; chunk++) {
    int64_t sample = chunk / t.chunks, part = chunk % t.chunks;
    int64_t first = t.positions * part / t.chunks, last = t.positions * (part + 1) / t.chunks;
    const float *x = t.x + sample * t.positions * t.channels;
    // Of differences from the first position, so that a large mean does not hide a small variance.
    const float *origin = x + first * t.channels;
    std::fill(scratch, scratch + 2 * t.channels, 0.0);
    // So many positions that they stay in the cache, and that sums in float32 lose nothing.
    const int64_t step = 32;
    for (int64_t start = first; start < last; start += step) {
      const int64_t stop = std::min(start + step, last);
      for_blocks(t.channels, [&](int64_t c, int n, int) INLINE {
        Floats offset = load(origin + c, n), total[2] = {}, square[2] = {};
        auto add = [&](int64_t i, int k) INLINE {
          Floats d = load(x + i * t.channels + c, n) - offset;
          total[k] += d;
          square[k] += d * d;
        };
        int64_t i = start;
        for (; i + 2 <= stop; i += 2) {
          add(i, 0);
          add(i + 1, 1);
        }
        if (i < stop) add(i, 0);
        Floats both[2] = {total[0] + total[1], square[0] + square[1]};
        for (int l = 0; l < n; l++) {
          sums[c + l] += both[0][l];
          squares[c + l] += both[1][l];
        }
      });
    }
    double *result = t.sums + chunk * 2 * t.groups;
    for (int64_t group = 0; group < t.groups; group++) {
      double sum = 0, square = 0;
      for (int64_t c = group * width; c < (group + 1) * width; c++) {
        double offset = origin[c], count = static_cast<double>(last - first);
        sum += sums[c] + count * offset;
        square += squares[c] + 2 * offset * sums[c] + count * offset * offset;
      }
      result[group] = sum;
      result[t.groups + group] = square;
    }
  }
}

static TARGET void group_norm(const GroupNorm &task, int64_t begin, int64_t end) {
  const GroupNorm t = task;
  for (int64_t row = begin; row < end; row++) {
    const float *x = t.x + row * t.channels;
    const float *mean = t.mean + row / t.positions * t.channels;
    const float *scale = t.scale + row / t.positions * t.channels;
    float *y = t.y + row * t.channels;
    for_blocks(t.channels, [&](int64_t c, int n, int) INLINE {
      Floats v = (load(x + c, n) - load(mean + c, n)) * load(scale + c, n) + load(t.bias + c, n);
      store(y + c, t.silu ? v / one_plus_exponential_of_minus(v) : v, n);
    });
  }
}

}  // namespace nsarm::NAMESPACE
