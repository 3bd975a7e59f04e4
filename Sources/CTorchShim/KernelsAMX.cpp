// AVX-512 with VNNI and BF16, and AMX.
#if defined(__x86_64__)

#define NAMESPACE amx
#define LANES 16
#define TARGET                                                                                  \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni,avx2,fma,"    \
                        "amx-tile,amx-bf16,amx-int8")))
#define BFLOAT16_PAIRS
#define DOT_VNNI
#define TILES
#include "Kernels.ipp"

#endif
