// Helpers of the operators `nsarm::...` of libtorch's dispatcher, which are for the CPU and take
// one pass over memory in place of several. x is float32 or bfloat16, the arithmetic float32.
#pragma once

#include "Kernels.h"
#include "Rounding.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace nsarm {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// body(begin, end) over [0, count) on libtorch's threads, at least `grain` at a time. Threads take
// parts as they become free, since one of them may share its core with another program.
// at::parallel_for is a template over OpenMP, which would run on one thread here, where OpenMP is
// not compiled in; the loop of TensorIterator is part of libtorch. Its "elements" are the threads.
template <class Body>
void parallel(int64_t count, int64_t grain, const Body &body) {
  const int64_t most = ceil_div(count, grain);
  const int64_t tasks = std::min<int64_t>(at::get_num_threads(), most);
  if (tasks <= 1 || at::in_parallel_region()) {
    if (count > 0) body(0, count);
    return;
  }
  const int64_t parts = std::min<int64_t>(8 * tasks, most);
  std::atomic<int64_t> next{0};
  Tensor places = at::empty({tasks}, at::kByte);
  auto iterator = at::TensorIterator::borrowing_nullary_op(places);
  const Kernels *wanted = &kernels();
  iterator.for_each(
      [&](char **, const int64_t *, int64_t, int64_t) {
        KernelsInUse guard(wanted);
        for (int64_t part; (part = next++) < parts;)
          body(count * part / parts, count * (part + 1) / parts);
      },
      1);
}

// Rows of `channels` that are worth a thread.
inline int64_t grain(int64_t channels) {
  return std::max<int64_t>(1, 8192 / std::max<int64_t>(1, channels));
}

// Memory of libtorch's allocator for `count` numbers.
template <class Number>
struct Scratch {
  at::DataPtr memory;
  explicit Scratch(int64_t count)
      : memory(c10::GetCPUAllocator()->allocate(count * sizeof(Number))) {}
  operator Number *() const { return static_cast<Number *>(memory.get()); }
};

// Parts of a group of rows that sums are taken over one by one: by the sizes alone, so that results
// do not depend on the number of threads.
inline int64_t chunk_count(int64_t groups, int64_t rows_per_group) {
  int64_t wanted = std::max<int64_t>(1, 64 / std::max<int64_t>(1, groups));
  return std::clamp<int64_t>(rows_per_group / 16, 1, wanted);
}

inline Element element(const Tensor &x) {
  switch (x.scalar_type()) {
    case at::kFloat: return Element::float32;
    case at::kBFloat16: return Element::bfloat16;
    case at::kByte: return Element::uint8;
    default: TORCH_CHECK(false, "fused operators take float32 or bfloat16, not ", x.scalar_type());
  }
}

// Rows of [B, H, rows, c] whose channels follow each other.
inline Tensor with_dense_rows(const Tensor &x) { return x.stride(3) == 1 ? x : x.contiguous(); }

inline Rows rows_of(const Tensor &x) {
  return {x.const_data_ptr(), x.stride(0), x.stride(1), x.stride(2)};
}

inline void check_float(const Tensor &x) {
  TORCH_CHECK(x.scalar_type() == at::kFloat && x.device().is_cpu(), "expected float32 on the CPU");
}

// A scale, shift or gate [B or 1, 1, C] of x [B, L, C].
inline void check_modulation(const Tensor &m, const Tensor &x) {
  check_float(m);
  TORCH_CHECK(x.dim() == 3 && m.dim() == 3 && m.size(1) == 1 && m.size(2) == x.size(2) &&
                  (m.size(0) == 1 || m.size(0) == x.size(0)),
              "modulation ", m.sizes(), " does not fit ", x.sizes());
}

// Sums [B, chunks, C] as the gradient of a modulation of `size` [B or 1, 1, C].
inline Tensor modulation_gradient(const Tensor &sums, at::IntArrayRef size) {
  return (size[0] == 1 ? sums.sum(at::IntArrayRef{0, 1}) : sums.sum(1)).view(size);
}

inline bool needs_graph(std::initializer_list<Tensor> inputs) {
  return c10::GradMode::is_enabled() &&
         std::any_of(inputs.begin(), inputs.end(),
                     [](const Tensor &x) { return x.requires_grad(); });
}

inline void refuse_second_derivatives() {
  TORCH_CHECK(!c10::GradMode::is_enabled(), "fused operators have no second derivatives");
}

}  // namespace nsarm
