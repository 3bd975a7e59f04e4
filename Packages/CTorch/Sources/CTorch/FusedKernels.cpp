#include "FusedProduct.h"
#include "FusedQuantizedAttention.h"

#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Every function of the kernels carries TARGET, also those that are always inlined, since compilers
// refuse to inline across instruction sets. LANES floats fill one register.
#if defined(__x86_64__)
#define NAMESPACE avx512_vnni_bfloat16
#define LANES 16
#define TARGET \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni,avx2,fma")))
#define BFLOAT16_PAIRS
#define DOT_VNNI
#include "FusedKernelBodies.h"
#undef NAMESPACE
#undef LANES
#undef TARGET
#undef BFLOAT16_PAIRS
#undef DOT_VNNI

#define NAMESPACE avx512_vnni
#define LANES 16
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma")))
#define DOT_VNNI
#include "FusedKernelBodies.h"
#undef NAMESPACE
#undef LANES
#undef TARGET
#undef DOT_VNNI

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
  // Of AVX-512 only with VNNI: the processors before it have half the speed at a lower clock. Those
  // that multiply bfloat16 have it.
  bool has_vnni = has_avx2 && __builtin_cpu_supports("avx512f") &&
                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
  bool has_pairs = has_vnni && __builtin_cpu_supports("avx512bf16");
  if (has_pairs && !is_avx2 && !is_default) return avx512_vnni_bfloat16::table;
  if (has_vnni && !is_avx2 && !is_default) return avx512_vnni::table;
  if (has_avx2 && !is_default) return avx2::table;
#endif
  return baseline::table;
}

const Kernels &kernels() {
  static const Kernels &table = chosen();
  return table;
}

}  // namespace nsarm
