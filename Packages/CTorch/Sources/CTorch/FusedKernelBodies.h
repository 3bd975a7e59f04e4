// The kernels of FusedKernels.h for one instruction set: FusedKernels.cpp includes this file
// several times, with NAMESPACE, LANES and TARGET defined.

namespace nsarm::NAMESPACE {

#include "FusedVectors.h"
#include "FusedDots.h"
#ifdef TILES
#include "FusedTiles.h"
#endif

#include "FusedNormBodies.h"
#include "FusedElementBodies.h"
#include "FusedHeadBodies.h"
#include "FusedMatrixBodies.h"
#include "FusedAttentionBodies.h"
#include "FusedLinearBodies.h"
#include "FusedProductBodies.h"
#include "FusedQuantizedTokenBodies.h"
#include "FusedQuantizedAttentionBodies.h"
#include "FusedConvolutionBodies.h"
#include "FusedDenseBodies.h"
#include "FusedGroupNormBodies.h"

static const Kernels table = {
  KernelKind::NAMESPACE,
  norm, norm_backward, quantize, gelu, gelu_backward, rotate_heads, rotate_heads_backward,
  gate, gate_backward, attention, pack_linear, linear, linear_size, pack_matrix, pack_rows,
  product, dot_rows, dot_panel, dot_step,
  dot_first_limit, dot_second_limit, quantized_append, quantized_attention, pack_kernel,
  convolution, pack_dense, dense_convolution, group_sums, group_norm,
};

}  // namespace nsarm::NAMESPACE
#undef INLINE
