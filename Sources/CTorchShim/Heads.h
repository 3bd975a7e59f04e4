// Attention heads with rotary positions, and their derivative: the tasks of the kernels in
// Heads.ipp.
#pragma once

#include "Operands.h"

namespace nsarm {

// Tokens [B, L, 3, H, c] to q, k, v [B, H, L, c], all of type `type`.
struct Heads {
  Element type;
  int64_t length, heads, channels;  // L, H, c
  const void *qkv;
  const float *strength, *cosines, *sines;
  int64_t turns;  // rows of cosines and sines: L, of all samples, or B L
};

struct RotateHeads : Heads {
  void *q, *k, *v;
};

// Gradients of qkv, and of strength summed over each of `chunks` parts of all tokens: `sums`
// [chunks, H].
struct RotateHeadsBackward : Heads {
  const void *dq, *dk, *dv;
  void *dqkv;
  int64_t tokens, chunks;
  float *sums;
};

}  // namespace nsarm
