// The kernels for one instruction set, included by one file Kernels*.cpp for each, which defines
//
//   NAMESPACE       the set's name in `KernelKind`, and the namespace of its kernels
//   LANES           the floats of a register
//   TARGET          the attribute of every function, also of those that are always inlined, since
//                   compilers refuse to inline across instruction sets
//   BFLOAT16_PAIRS  where the set multiplies pairs of bfloat16
//   DOT_VNNI        where it multiplies numbers of 8 bits, and sums in 32
//   TILES           where it has AMX's tiles
//
// The files *.ipp, which the Swift package manager takes for headers, include what they need and
// can themselves be included in any order.
#pragma once

#include "Attention.ipp"
#include "Convolution.ipp"
#include "DenseBlocks.ipp"
#include "Elements.ipp"
#include "GroupNorm.ipp"
#include "Heads.ipp"
#include "Kernels.h"
#include "Linear.ipp"
#include "Norms.ipp"
#include "QuantizedAttention.ipp"
#include "QuantizedLinear.ipp"
#include "QuantizedTokens.ipp"

namespace nsarm::NAMESPACE {

const Kernels table = {
  .kind = KernelKind::NAMESPACE,
#define KERNEL(result, name, parameters) .name = name,
#include "KernelFunctions.h"
#undef KERNEL
  .block_rows = dot_rows,
  .panel_outputs = dot_panel,
  .input_step = dot_step,
  .first_limit = dot_first_limit,
  .second_limit = dot_second_limit,
};

}  // namespace nsarm::NAMESPACE
