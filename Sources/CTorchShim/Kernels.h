// The loops behind the operators `nsarm::...`: plain arithmetic on rows in memory, compiled once
// for every instruction set and chosen at the first call. Nothing here knows libtorch.
#pragma once

#include "Operands.h"

namespace nsarm {

struct Activation;
struct ActivationBackward;
struct Attention;
struct Convolution;
struct DenseConvolution;
struct Gate;
struct GateBackward;
struct GroupNorm;
struct Linear;
struct Norm;
struct NormBackward;
struct PackLinear;
struct PackMatrix;
struct PackRows;
struct Product;
struct Quantize;
struct QuantizedAppend;
struct QuantizedAttention;
struct RotateHeads;
struct RotateHeadsBackward;

// Rows of C floats in the `scratch` memory of kernels.
constexpr int64_t scratch_rows = 8;

// Sets of kernels, each for more of a processor's instructions than the one before.
enum class KernelKind { baseline, avx2, avx512_vnni, avx512_vnni_bfloat16, amx };

struct Kernels {
  KernelKind kind;
#define KERNEL(result, name, parameters) result (*name) parameters;
#include "KernelFunctions.h"
#undef KERNEL
  // Rows of a block, outputs of a panel, and what inputs are rounded up to, of products in 8 bits.
  int64_t block_rows, panel_outputs, input_step;
  // The largest numbers of such a product's first and second operand.
  int64_t first_limit, second_limit;
};

// The table of each, in Kernels*.cpp.
#if defined(__x86_64__)
namespace amx { extern const Kernels table; }
namespace avx512_vnni_bfloat16 { extern const Kernels table; }
namespace avx512_vnni { extern const Kernels table; }
namespace avx2 { extern const Kernels table; }
#endif
namespace baseline { extern const Kernels table; }

// The kernels of this thread: those that `use_kernels` named, else of the newest kind that this
// processor has. The environment variables of libtorch's and oneDNN's kernels, ATEN_CPU_CAPABILITY
// (avx2, default) and ONEDNN_MAX_CPU_ISA, name an older one.
const Kernels &kernels();

// Null where this processor lacks what they need.
const Kernels *kernels_of(KernelKind kind);

// From now on this thread's kernels are those; null: what `kernels` says. Gives what was wanted
// before.
const Kernels *use_kernels(const Kernels *wanted);

// The same while it lives.
class KernelsInUse {
  const Kernels *before;

 public:
  explicit KernelsInUse(const Kernels *wanted) : before(use_kernels(wanted)) {}
  ~KernelsInUse() { use_kernels(before); }
  KernelsInUse(const KernelsInUse &) = delete;
};

}  // namespace nsarm
