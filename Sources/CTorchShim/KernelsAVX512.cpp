// AVX-512 with VNNI.
#if defined(__x86_64__)

#define NAMESPACE avx512_vnni
#define LANES 16
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma")))
#define DOT_VNNI
#include "Kernels.ipp"

#endif
