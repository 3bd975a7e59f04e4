#include "FusedQuantizedAttention.h"

#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Every function of the kernels carries TARGET, also those that are always inlined, since compilers
// refuse to inline across instruction sets. LANES floats fill one register.
#if defined(__x86_64__)
#define NAMESPACE avx512_bfloat16
#define LANES 16
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma")))
#define BFLOAT16_PAIRS
#include "FusedKernelBodies.h"
#undef NAMESPACE
#undef LANES
#undef TARGET
#undef BFLOAT16_PAIRS

#define NAMESPACE avx512
#define LANES 16
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")))
#include "FusedKernelBodies.h"
#undef NAMESPACE
#undef LANES
#undef TARGET

#define NAMESPACE avx2
#define LANES 8
#define TARGET __attribute__((target("avx2,fma")))
#include "FusedKernelBodies.h"
#undef NAMESPACE
#undef LANES
#undef TARGET
#endif

// What every processor of the architecture has: SSE2 or NEON.
#define NAMESPACE baseline
#define LANES 4
#define TARGET
#include "FusedKernelBodies.h"

namespace nsarm {

static const Kernels &chosen() {
#if defined(__x86_64__)
  const char *wish = getenv("ATEN_CPU_CAPABILITY");
  bool is_default = wish && !strcmp(wish, "default"), is_avx2 = wish && !strcmp(wish, "avx2");
  __builtin_cpu_init();
  bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") &&
                    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                    __builtin_cpu_supports("avx512dq");
  bool has_pairs = has_avx512 && __builtin_cpu_supports("avx512bf16");
  if (has_pairs && !is_avx2 && !is_default) return avx512_bfloat16::table;
  if (has_avx512 && !is_avx2 && !is_default) return avx512::table;
  if (has_avx2 && !is_default) return avx2::table;
#endif
  return baseline::table;
}

const Kernels &kernels() {
  static const Kernels &table = chosen();
  return table;
}

}  // namespace nsarm
