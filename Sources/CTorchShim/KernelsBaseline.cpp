// The instructions that every processor of the architecture has: SSE2 or NEON.
#define NAMESPACE baseline
#define LANES 4
#define TARGET
#include "Kernels.ipp"
