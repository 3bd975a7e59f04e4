// Sizes of matrix products in floating point that their callers have to know; see Gemm.ipp.
#pragma once

#include <cstdint>

namespace nsarm {

// The most columns of a packed panel, and the most numbers along a sum that are multiplied
// together.
constexpr int64_t gemm_panel = 64, gemm_step = 32;

}  // namespace nsarm
