// The state of a thread: the kind of its last error, whether it computes shapes only, and failures
// that tests ask for.

#include "Interop.h"

namespace nsarm {

Mode &mode() {
  thread_local Mode current;
  return current;
}

ct_error_kind kind_of(const std::string &text) {
  auto has = [&](const char *part) { return text.find(part) != std::string::npos; };
  if (has("can't allocate memory") || has("not enough memory") || has("out of memory") ||
      has("bad_alloc") || has("_ALLOC_FAILED")) {
    return CT_OUT_OF_MEMORY;
  }
  for (auto accelerator : {"CUDA error", "CUDA driver error", "cuDNN error", "CUDNN_STATUS",
                           "CUBLAS_STATUS", "CUSOLVER_STATUS", "CUFFT", "NCCL error", "MPS backend"}) {
    if (has(accelerator)) return CT_DEVICE_FAILED;
  }
  return CT_WRONG_USE;
}

at::Tensor shape_of(const at::Tensor &tensor) {
  if (!tensor.defined()) return tensor;
  auto type = c10::isReducedFloatingType(tensor.scalar_type()) || c10::isFloat8Type(tensor.scalar_type())
                  ? at::kFloat : tensor.scalar_type();
  if (tensor.is_meta() && tensor.scalar_type() == type) return tensor.detach();
  auto options = at::TensorOptions().dtype(type).device(c10::kMeta);
  return tensor.layout() == c10::kStrided
             ? at::empty_strided(tensor.sizes(), tensor.strides(), options)
             : at::empty(tensor.sizes(), options);
}

}  // namespace nsarm

using namespace nsarm;

int32_t ct_last_error_kind(void) { return mode().last_error; }

bool ct_set_shapes_only(bool enabled) {
  bool previous = mode().shapes_only;
  mode().shapes_only = enabled;
  return previous;
}

void ct_fail_after(int64_t calls) { mode().calls_to_failure = calls; }
