// Which kernels a thread uses: operators for tests and benchmarks, which compare them.

#include "FusedOperators.h"

namespace nsarm {
namespace {

// Those that this processor can run, by number, and the one in use.
Tensor kernel_kinds() {
  std::vector<int64_t> kinds;
  for (int64_t i = 0; i <= static_cast<int64_t>(KernelKind::amx); i++)
    if (kernels_of(static_cast<KernelKind>(i))) kinds.push_back(i);
  kinds.push_back(static_cast<int64_t>(kernels().kind));
  return at::tensor(kinds, at::kLong);
}

// From now on on this thread; -1: what suits the processor. Gives what was wanted before.
Tensor use_kernels(int64_t kind) {
  const Kernels *wanted = nullptr;
  if (kind >= 0) {
    TORCH_CHECK(kind <= static_cast<int64_t>(KernelKind::amx), "no kernels ", kind);
    wanted = kernels_of(static_cast<KernelKind>(kind));
    TORCH_CHECK(wanted, "this processor cannot run kernels ", kind);
  }
  const Kernels *before = use_kernels(wanted);
  return at::tensor({before ? static_cast<int64_t>(before->kind) : -1}, at::kLong);
}

TORCH_LIBRARY_FRAGMENT(nsarm, m) {
  m.def("kernel_kinds() -> Tensor", kernel_kinds);
  m.def("use_kernels(int kind) -> Tensor", [](int64_t kind) { return use_kernels(kind); });
}

}  // namespace
}  // namespace nsarm
