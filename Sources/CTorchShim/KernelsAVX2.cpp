// AVX2 with FMA.
#if defined(__x86_64__)

#define NAMESPACE avx2
#define LANES 8
#define TARGET __attribute__((target("avx2,fma")))
#include "Kernels.ipp"

#endif
