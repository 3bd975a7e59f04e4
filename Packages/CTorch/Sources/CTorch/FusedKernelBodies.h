// The kernels of FusedKernels.h for one instruction set: FusedKernels.cpp includes this file
// several times, with NAMESPACE, LANES and TARGET defined.

namespace nsarm::NAMESPACE {

#include "FusedVectors.h"
#include "FusedDots.h"

#include "FusedNormBodies.h"
#include "FusedElementBodies.h"
#include "FusedHeadBodies.h"
#include "FusedAttentionBodies.h"
#include "FusedQuantizedTokenBodies.h"
#include "FusedQuantizedAttentionBodies.h"

static const Kernels table = {
  norm, norm_backward, quantize, gelu, gelu_backward, rotate_heads, rotate_heads_backward,
  gate, gate_backward, attention, quantized_append, quantized_attention,
  dot_first_limit, dot_second_limit,
};

}  // namespace nsarm::NAMESPACE
#undef INLINE
