#include "Interop.h"

#include <dlfcn.h>

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/GradMode.h>
#include <torch/version.h>

using namespace nsarm;

void ct_free_message(ct_message message) { free(message); }

ct_message ct_load_library(const char *path) {
  if (dlopen(path, RTLD_NOW | RTLD_GLOBAL)) return nullptr;
  return message(dlerror());
}

bool ct_device_available(const char *type) {
  return guarded_or(false, [&] {
    std::string name(type);
    if (name == "cpu") return true;
    if (name == "cuda") return at::hasCUDA() && at::detail::getCUDAHooks().deviceCount() > 0;
    return name == "mps" && at::hasMPS();
  });
}

ct_message ct_set_thread_count(int32_t count) {
  return guarded([&] { at::set_num_threads(count); });
}

int32_t ct_thread_count(void) {
  return guarded_or(1, [] { return at::get_num_threads(); });
}

const char *ct_version(void) { return TORCH_VERSION; }

bool ct_set_grad_mode(bool enabled) {
  bool previous = c10::GradMode::is_enabled();
  c10::GradMode::set_enabled(enabled);
  return previous;
}

namespace {

c10::DeviceType device_type(const char *name) { return c10::Device(std::string(name)).type(); }

// The cache finds a cast weight by the weight alone, so that it must not outlive a change of the
// type, nor the outermost region, since an optimiser changes weights in place.
void set_autocast(c10::DeviceType type, bool enabled, at::ScalarType dtype) {
  if (dtype != at::autocast::get_autocast_dtype(type)) {
    at::autocast::clear_cache();
    at::autocast::set_autocast_dtype(type, dtype);
  }
  at::autocast::set_autocast_enabled(type, enabled);
}

}  // namespace

ct_message ct_enter_autocast(const char *device, bool enabled, int32_t dtype, ct_autocast *outer) {
  return guarded([&] {
    auto type = device_type(device);
    auto current = at::autocast::get_autocast_dtype(type);
    *outer = {at::autocast::is_autocast_enabled(type), static_cast<int32_t>(current)};
    at::autocast::increment_nesting();
    set_autocast(type, enabled, enabled ? static_cast<at::ScalarType>(dtype) : current);
  });
}

int32_t ct_autocast_dtype(const char *device) {
  return guarded_or(-1, [&] {
    auto type = device_type(device);
    return at::autocast::is_autocast_enabled(type)
               ? static_cast<int32_t>(at::autocast::get_autocast_dtype(type)) : -1;
  });
}

ct_message ct_leave_autocast(const char *device, ct_autocast outer) {
  return guarded([&] {
    set_autocast(device_type(device), outer.enabled, static_cast<at::ScalarType>(outer.dtype));
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  });
}
