// AVX-512 with VNNI and BF16.
#if defined(__x86_64__)

#define NAMESPACE avx512_vnni_bfloat16
#define LANES 16
#define TARGET \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni,avx2,fma")))
#define BFLOAT16_PAIRS
#define DOT_VNNI
#include "Kernels.ipp"

#endif
