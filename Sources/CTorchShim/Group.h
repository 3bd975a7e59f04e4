// A group of processes that compute together.
#pragma once

#include "GroupMonitor.h"

#include <atomic>
#include <functional>
#include <mutex>

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

namespace nsarm {

struct Group {
  int32_t rank, size;
  c10::Device device{c10::kCPU};  // where the backend computes
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroup> processes;
  c10::intrusive_ptr<c10d::Backend> backend;  // of `processes`
  std::unique_ptr<GroupMonitor> monitor;
  std::atomic<int64_t> bytes_sent{0};

  // Runs a collective; where it fails, the error names the rank that is gone, and each later
  // collective fails with it.
  void collective(const std::function<void()> &body);

  // The error for `cause`, with which the group is of no use any more.
  Failure failure(const std::string &cause);

  // Throws where the group has failed.
  void check();

  // Adds the bytes that a rank sends where `bytes` are summed over all of them.
  void count_sum(int64_t bytes) { bytes_sent += 2 * bytes * (size - 1) / size; }

 private:
  std::mutex mutex;
  std::string reason;
};

inline Group &group_of(ct_group group) { return **static_cast<std::shared_ptr<Group> *>(group); }

// The address of this machine from which `host` is reached.
std::string local_address(const std::string &host, int32_t port);

// Makes the backend named `name` on `group`'s device.
void set_backend(Group &group, const std::string &name, const std::string &address,
                 Milliseconds timeout);

}  // namespace nsarm
