// Gradients averaged over a group while the backward pass runs: c10d's Reducer, the core of
// DistributedDataParallel.

#include "Group.h"
#include "Reductions.h"

#include <type_traits>

#include <c10/util/Exception.h>
#include <torch/csrc/distributed/c10d/reducer.hpp>

namespace nsarm {
namespace {

constexpr int64_t first_bucket_bytes = 1 << 20;

struct Reducer : c10d::Reducer {
  using c10d::Reducer::Reducer;

  // Counts those parameters as used that have a gradient by now. The original counts those that had
  // one in any pass since the last reduction, and fails where it was cleared meanwhile.
  void mark_used(const std::vector<at::Tensor> &parameters) {
    std::vector<int32_t> used;
    for (const auto &parameter : parameters) used.push_back(parameter.grad().defined());
    std::lock_guard lock(mutex_);
    local_used_map_.copy_(at::tensor(used, at::kInt));
  }
};

struct Reduction {
  std::shared_ptr<Group> group;
  std::vector<at::Tensor> parameters;
  std::unique_ptr<Reducer> reducer;
  int64_t bytes = 0;  // of all gradients
};

// Reducers that the calling thread has prepared for its next backward pass.
thread_local std::vector<Reduction *> prepared;

// Drops warnings. That all parameters are used is worth one to libtorch.
struct Silence : c10::WarningHandler {
  void process(const c10::Warning &) override {}
};

std::unique_ptr<Reducer> make_reducer(const std::vector<at::Tensor> &parameters, Group &group,
                                      int64_t bucket_bytes) {
  // Gradients come in the reverse of the order in which parameters are used.
  std::vector<at::Tensor> reversed(parameters.rbegin(), parameters.rend());
  std::vector<int64_t> places;
  for (auto i = static_cast<int64_t>(parameters.size()); i-- > 0;) places.push_back(i);
  std::vector<size_t> limits{static_cast<size_t>(std::min(first_bucket_bytes, bucket_bytes)),
                             static_cast<size_t>(bucket_bytes)};
  auto buckets = std::get<0>(c10d::compute_bucket_assignment_by_size(reversed, limits, {}, places));
  std::unordered_map<size_t, std::string> names;
  for (size_t i = 0; i < parameters.size(); i++) names[i] = std::to_string(i);
  std::vector<bool> sparse(parameters.size(), false);
  const bool find_unused = true, as_views = true;
  // Its last parameters came one by one with versions of libtorch.
  auto make = [&]<class Made>(std::type_identity<Made>) {
    using Parameters = std::vector<at::Tensor>;
    using Buckets = std::vector<std::vector<size_t>>;
    using Processes = c10::intrusive_ptr<c10d::ProcessGroup>;
    using Names = std::unordered_map<size_t, std::string>;
    constexpr bool has_list =
        std::is_constructible_v<Made, Parameters, Buckets, Processes, std::vector<bool>, int64_t, bool,
                                bool, Names, int64_t, bool, bool, std::vector<int64_t>>;
    constexpr bool has_switches =
        std::is_constructible_v<Made, Parameters, Buckets, Processes, std::vector<bool>, int64_t, bool,
                                bool, Names, int64_t, bool, bool>;
    if constexpr (has_list) {
      return std::make_unique<Made>(parameters, buckets, group.processes, sparse, bucket_bytes,
                                       find_unused, as_views, names, first_bucket_bytes, false, false,
                                       std::vector<int64_t>{});
    } else if constexpr (has_switches) {
      return std::make_unique<Made>(parameters, buckets, group.processes, sparse, bucket_bytes,
                                       find_unused, as_views, names, first_bucket_bytes, false, false);
    } else {
      return std::make_unique<Made>(parameters, buckets, group.processes, sparse, bucket_bytes,
                                       find_unused, as_views, names, first_bucket_bytes);
    }
  };
  return make(std::type_identity<Reducer>());
}

// Whether an error comes from the network rather than from the computation.
bool is_of_network(const std::exception &error) {
  if (dynamic_cast<const c10::DistError *>(&error)) return true;
  std::string text = error.what();
  for (auto part : {"gloo", "NCCL", "Connection", "onnection closed", "Socket", "imed out", "imeout"})
    if (text.find(part) != std::string::npos) return true;
  return false;
}

}  // namespace

void with_reductions(const std::function<void()> &pass) {
  auto mine = std::exchange(prepared, {});
  if (mine.empty()) return pass();
  try {
    pass();
  } catch (const Failure &) {
    throw;
  } catch (const c10::OutOfMemoryError &) {
    throw;
  } catch (const std::exception &error) {
    if (!is_of_network(error)) throw;
    throw mine.back()->group->failure(first_line(error));
  }
}

}  // namespace nsarm

using namespace nsarm;

ct_message ct_reducer_create(const ct_tensor *parameters, int32_t count, ct_group handle,
                             int64_t bucket_bytes, ct_reducer *result) {
  return guarded([&] {
    auto reduction = std::make_unique<Reduction>();
    reduction->group = *static_cast<std::shared_ptr<Group> *>(handle);
    auto &group = *reduction->group;
    auto &list = reduction->parameters;
    for (int32_t i = 0; i < count; i++) {
      list.push_back(borrow(parameters[i]));
      reduction->bytes += list.back().nbytes();
    }
    group.collective([&] {
      c10d::verify_params_across_processes(group.processes, list, std::nullopt);
      reduction->reducer = make_reducer(list, group, bucket_bytes);
    });
    *result = reduction.release();
  });
}

void ct_reducer_release(ct_reducer reducer) {
  guarded_or(0, [&] {
    auto reduction = static_cast<Reduction *>(reducer);
    std::erase(prepared, reduction);
    delete reduction;
    return 0;
  });
}

ct_message ct_reducer_prepare(ct_reducer reducer, ct_tensor loss) {
  return guarded([&] {
    auto &reduction = *static_cast<Reduction *>(reducer);
    auto &group = *reduction.group;
    group.check();
    group.monitor->count();
    Silence silence;
    c10::WarningUtils::WarningHandlerGuard guard(&silence);
    reduction.reducer->mark_used(reduction.parameters);
    reduction.reducer->prepare_for_backward({borrow(loss)});
    prepared.push_back(&reduction);
    // The gradients, and which parameters are used.
    group.count_sum(reduction.bytes + sizeof(int32_t) * reduction.parameters.size());
  });
}
