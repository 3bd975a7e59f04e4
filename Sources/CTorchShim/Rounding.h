// Whole parts of counts, for counts from 0 on.
#pragma once

#include <cstdint>

namespace nsarm {

// Parts of `size` that hold `count`: the quotient, rounded up.
[[gnu::always_inline]] constexpr int64_t ceil_div(int64_t count, int64_t size) {
  return (count + size - 1) / size;
}

// `count` up to the next multiple of `step`.
[[gnu::always_inline]] constexpr int64_t round_up(int64_t count, int64_t step) {
  return ceil_div(count, step) * step;
}

}  // namespace nsarm
