// Which kernels this processor and this thread use.

#include "Kernels.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <strings.h>

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace nsarm {
namespace {

#if defined(__x86_64__)
// Whether the system lets this process use AMX's tiles, which it has to be asked for.
bool may_use_tiles() {
#if defined(__linux__)
  const int request = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, request, tile_data) == 0;
#else
  return false;
#endif
}

// CPUID's leaf 7: AMX-BF16 and AMX-TILE, AMX-INT8 are bits 22, 24 and 25 of EDX.
bool has_tiles() {
  uint32_t a, b, c, d;
  __asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
  const uint32_t needed = 1u << 22 | 1u << 24 | 1u << 25;
  return (d & needed) == needed && may_use_tiles();
}
#endif

// The newest kind that this processor has.
KernelKind newest() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
    return KernelKind::baseline;
  // Of AVX-512 only with VNNI: the processors before it have half the speed at a lower clock. Those
  // that multiply bfloat16 have it.
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512vnni"))
    return KernelKind::avx2;
  if (!__builtin_cpu_supports("avx512bf16")) return KernelKind::avx512_vnni;
  return has_tiles() ? KernelKind::amx : KernelKind::avx512_vnni_bfloat16;
#else
  return KernelKind::baseline;
#endif
}

// The newest kind that the environment allows.
KernelKind allowed() {
  auto is = [](const char *variable, const char *value) {
    const char *found = getenv(variable);
    return found && !strcasecmp(found, value);
  };
  auto has_limit = [&](const char *name) {
    return is("ONEDNN_MAX_CPU_ISA", name) || is("DNNL_MAX_CPU_ISA", name);
  };
  if (is("ATEN_CPU_CAPABILITY", "default") || has_limit("SSE41") || has_limit("AVX"))
    return KernelKind::baseline;
  if (is("ATEN_CPU_CAPABILITY", "avx2") || has_limit("AVX2") || has_limit("AVX2_VNNI") ||
      has_limit("AVX2_VNNI_2") || has_limit("AVX512_CORE"))
    return KernelKind::avx2;
  if (has_limit("AVX512_CORE_VNNI")) return KernelKind::avx512_vnni;
  if (has_limit("AVX512_CORE_BF16") || has_limit("AVX512_CORE_FP16"))
    return KernelKind::avx512_vnni_bfloat16;
  return KernelKind::amx;
}

thread_local const Kernels *in_use = nullptr;

}  // namespace

const Kernels *kernels_of(KernelKind kind) {
  static const KernelKind latest = newest();
  if (kind > latest) return nullptr;
#define TABLE(set) \
  case KernelKind::set: return &set::table
  switch (kind) {
#if defined(__x86_64__)
    TABLE(amx);
    TABLE(avx512_vnni_bfloat16);
    TABLE(avx512_vnni);
    TABLE(avx2);
#endif
    TABLE(baseline);
    default: return nullptr;
  }
#undef TABLE
}

const Kernels &kernels() {
  static const Kernels &chosen = *kernels_of(std::min(newest(), allowed()));
  return in_use ? *in_use : chosen;
}

const Kernels *use_kernels(const Kernels *wanted) { return std::exchange(in_use, wanted); }

}  // namespace nsarm
