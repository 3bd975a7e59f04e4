#include "Group.h"

#include <functional>

#include <unistd.h>

#include <c10/core/GradMode.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

namespace nsarm {

void Group::check() {
  std::lock_guard lock(mutex);
  if (reason.empty()) reason = monitor->verdict();
  if (!reason.empty()) throw group_failure(reason);
}

Failure Group::failure(const std::string &cause) {
  auto found = monitor->diagnose(cause);
  std::lock_guard lock(mutex);
  if (reason.empty()) reason = found;
  return group_failure(reason);
}

void Group::collective(const std::function<void()> &body) {
  check();
  monitor->count();
  try {
    body();
  } catch (const c10::OutOfMemoryError &) {
    throw;
  } catch (const std::exception &error) {
    throw failure(first_line(error));
  }
}

namespace {

// Bytes of a message that several tensors share.
constexpr int64_t message_bytes = 32 << 20;

// Waits until all ranks are in the store, each with its address.
std::vector<std::string> join(c10d::Store &store, int32_t rank, int32_t size,
                              const std::string &address, Milliseconds timeout) {
  auto number = std::to_string(rank);
  if (store.add("joined/" + number, 1) != 1) {
    throw group_failure("another process has joined as rank " + number +
                        ": give each its own RANK, and start all ranks again together");
  }
  store.set("address/" + number, bytes(address));
  std::vector<std::string> addresses(size);
  wait_until(timeout, [&] {
    for (int32_t i = 0; i < size; i++) {
      auto key = "address/" + std::to_string(i);
      if (addresses[i].empty() && store.check({key})) addresses[i] = text(store.get(key));
    }
    return std::none_of(addresses.begin(), addresses.end(), [](auto &x) { return x.empty(); });
  });
  std::string missing;
  int32_t count = 0;
  for (int32_t i = 0; i < size; i++) {
    if (!addresses[i].empty()) continue;
    if (count++ < 8) missing += (missing.empty() ? "" : ", ") + std::to_string(i);
  }
  if (count > 0) {
    throw group_failure((count == 1 ? "rank " : "ranks ") + missing + (count > 8 ? " and others" : "") +
                        " of " + std::to_string(size) + " did not join within " + title(timeout));
  }
  return addresses;
}

bool is_loopback(const std::string &address) { return address.rfind("127.", 0) == 0 || address == "::1"; }

// A rank that others cannot reach is one whose own name for the master is a loopback address.
void check_reachable(const std::vector<std::string> &addresses) {
  auto near = std::find_if(addresses.begin(), addresses.end(), is_loopback);
  auto far = std::find_if_not(addresses.begin(), addresses.end(), is_loopback);
  if (near == addresses.end() || far == addresses.end()) return;
  if (getenv("GLOO_SOCKET_IFNAME")) return;
  auto name = [&](auto each) {
    return "rank " + std::to_string(each - addresses.begin()) + " (" + *each + ")";
  };
  throw group_failure(name(far) + " cannot reach " + name(near) +
                      ": give MASTER_ADDR as an address of the network, not as this machine's own "
                      "name, or name the interface in GLOO_SOCKET_IFNAME");
}

// NCCL's kernels wait for ever where no error of the group can be thrown.
void end_process(const std::string &reason) {
  fprintf(stderr, "nsarm: %s\n", reason.c_str());
  fflush(stderr);
  _exit(1);
}

std::shared_ptr<Group> create(const ct_launch &launch, const std::string &backend,
                              const std::string &device, Milliseconds timeout) {
  auto group = std::make_shared<Group>();
  group->rank = launch.rank;
  group->size = launch.size;
  group->device = c10::Device(device);
  StorePlace place{launch.host, launch.port};
  auto address = local_address(place.host, place.port);
  bool is_server = launch.rank == 0 && !launch.agent_store;
  auto store = open_store(place, is_server, 0, timeout);
  // torchrun keeps its store when it restarts the processes, which must not meet old keys.
  auto prefix = "nsarm/" + std::to_string(launch.restart_count) + "/" + std::to_string(launch.size);
  group->store = c10::make_intrusive<c10d::PrefixStore>(prefix, store);
  std::vector<std::string> addresses;
  try {
    addresses = join(*group->store, launch.rank, launch.size, address, timeout);
  } catch (const Failure &) {
    throw;
  } catch (const std::exception &error) {
    throw group_failure("the store at " + place.title() + " is gone (" + first_line(error) + ")");
  }
  check_reachable(addresses);
  group->monitor = std::make_unique<GroupMonitor>(
      GroupMonitor::Member{place, prefix, launch.rank, launch.size, launch.agent_store, addresses, timeout},
      backend == "nccl" ? end_process : nullptr);
  auto keys = c10::make_intrusive<c10d::PrefixStore>(backend, group->store);
  group->processes = c10::make_intrusive<c10d::ProcessGroup>(keys, launch.rank, launch.size);
  try {
    set_backend(*group, backend, address, GroupMonitor::collective_timeout(timeout));
  } catch (const Failure &) {
    throw;
  } catch (const std::exception &error) {
    throw group->failure(first_line(error));
  }
  return group;
}

// Calls `body` with tensors that hold all of `tensors`, in the backend's reach and contiguous: each
// by itself or a few together. What `body` puts in them goes back.
void with_messages(Group &group, const ct_tensor *handles, int32_t count,
                   const std::function<void(at::Tensor &)> &body) {
  at::AutoGradMode without_gradients(false);
  for (int32_t first = 0; first < count;) {
    std::vector<at::Tensor> parts;
    int64_t size = 0;
    for (; first < count; first++) {
      auto part = borrow(handles[first]).detach();
      bool fits = parts.empty() || (part.dtype() == parts[0].dtype() && part.device() == parts[0].device() &&
                                    size + static_cast<int64_t>(part.nbytes()) <= message_bytes);
      if (!fits) break;
      size += part.nbytes();
      parts.push_back(part);
    }
    bool is_plain = parts.size() == 1 && parts[0].is_contiguous() &&
                    parts[0].device().type() == group.device.type();
    if (is_plain) {
      body(parts[0]);
      continue;
    }
    std::vector<at::Tensor> rows;
    for (const auto &part : parts) rows.push_back(part.reshape({-1}));
    auto message = at::cat(rows).to(group.device);
    body(message);
    int64_t at = 0;
    for (auto &part : parts) {
      part.copy_(message.slice(0, at, at + part.numel()).view(part.sizes()));
      at += part.numel();
    }
  }
}

// As many as the ranks that `rank` passes a broadcast on to in Gloo's binomial tree.
int64_t broadcast_children(int32_t rank, int32_t size, int32_t root) {
  int32_t place = (rank - root + size) % size;
  int64_t children = 0;
  for (int32_t step = 1; step < size; step *= 2)
    if (place < step && place + step < size) children++;
  return children;
}

// `tensor` in the backend's reach.
at::Tensor reached(const Group &group, ct_tensor tensor) {
  auto result = borrow(tensor).detach();
  return (result.device().type() == group.device.type() ? result : result.to(group.device)).contiguous();
}

// Runs `body(input, output)` on tensors in the backend's reach.
void with_pair(Group &group, ct_tensor input, ct_tensor output,
               const std::function<void(at::Tensor &, at::Tensor &)> &body) {
  at::AutoGradMode without_gradients(false);
  auto from = reached(group, input).view({-1});
  auto target = borrow(output).detach();
  auto to = reached(group, output).view({-1});
  body(from, to);
  if (!to.is_alias_of(target)) target.copy_(to.view(target.sizes()));
}

}  // namespace
}  // namespace nsarm

using namespace nsarm;

ct_message ct_group_create(const ct_launch *launch, const char *backend, const char *device,
                           double seconds, ct_group *result) {
  return guarded([&] {
    *result = new std::shared_ptr<Group>(create(*launch, backend, device, milliseconds(seconds)));
  });
}

void ct_group_release(ct_group group) {
  guarded_or(0, [&] {
    delete static_cast<std::shared_ptr<Group> *>(group);
    return 0;
  });
}

ct_message ct_group_sum(ct_group handle, const ct_tensor *tensors, int32_t count) {
  return guarded([&] {
    auto &group = group_of(handle);
    group.collective([&] {
      with_messages(group, tensors, count, [&](at::Tensor &message) {
        std::vector<at::Tensor> list{message};
        group.processes->allreduce(list)->wait();
        group.count_sum(message.nbytes());
      });
    });
  });
}

ct_message ct_group_broadcast(ct_group handle, const ct_tensor *tensors, int32_t count, int32_t root) {
  return guarded([&] {
    auto &group = group_of(handle);
    group.collective([&] {
      with_messages(group, tensors, count, [&](at::Tensor &message) {
        std::vector<at::Tensor> list{message};
        c10d::BroadcastOptions options;
        options.rootRank = root;
        group.processes->broadcast(list, options)->wait();
        group.bytes_sent +=
            static_cast<int64_t>(message.nbytes()) * broadcast_children(group.rank, group.size, root);
      });
    });
  });
}

ct_message ct_group_reduce_scatter(ct_group handle, ct_tensor input, ct_tensor output) {
  return guarded([&] {
    auto &group = group_of(handle);
    group.collective([&] {
      with_pair(group, input, output, [&](at::Tensor &from, at::Tensor &to) {
        group.backend->_reduce_scatter_base(to, from)->wait();
        // Gloo's is a sum of which each rank takes its part.
        group.count_sum(group.device.is_cpu() ? from.nbytes() : from.nbytes() / 2);
      });
    });
  });
}

ct_message ct_group_all_gather(ct_group handle, ct_tensor input, ct_tensor output) {
  return guarded([&] {
    auto &group = group_of(handle);
    group.collective([&] {
      with_pair(group, input, output, [&](at::Tensor &from, at::Tensor &to) {
        group.backend->_allgather_base(to, from)->wait();
        group.bytes_sent += from.nbytes() * (group.size - 1);
      });
    });
  });
}

ct_message ct_group_barrier(ct_group handle) {
  return guarded([&] {
    auto &group = group_of(handle);
    group.collective([&] { group.processes->barrier()->wait(); });
  });
}

int64_t ct_group_bytes_sent(ct_group handle) { return group_of(handle).bytes_sent; }
