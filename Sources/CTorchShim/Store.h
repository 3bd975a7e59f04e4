// Stores of keys and values over TCP: c10d's TCPStore with errors of one line.
#pragma once

#include "Interop.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include <torch/csrc/distributed/c10d/TCPStore.hpp>

namespace nsarm {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

inline Milliseconds milliseconds(double seconds) {
  return Milliseconds(static_cast<int64_t>(std::clamp(seconds, 0.001, 1e9) * 1000));
}

// "30 s", "0.5 s"
std::string title(Milliseconds time);

struct StorePlace {
  std::string host;
  int32_t port;
  std::string title() const { return host + ":" + std::to_string(port); }
};

inline Failure group_failure(const std::string &text) { return Failure(CT_GROUP_FAILED, text); }

// The first line of an error of libtorch's or Gloo's, without the place in its sources.
std::string first_line(const std::exception &error);

// Opens a store as its server or as a client, which waits for the server up to `timeout`.
// `world_size`: the processes that all of them wait for; 0: none.
c10::intrusive_ptr<c10d::TCPStore> open_store(const StorePlace &place, bool is_server,
                                              int32_t world_size, Milliseconds timeout);

// Waits until `is_there`. It looks again and again rather than wait in the store, whose connection
// other threads could not use meanwhile. Returns whether that was within `timeout`.
template <class Condition>
bool wait_until(Milliseconds timeout, const Condition &is_there) {
  auto end = Clock::now() + timeout;
  for (auto pause = Milliseconds(1);; pause = std::min(2 * pause, Milliseconds(50))) {
    if (is_there()) return true;
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(pause);
  }
}

inline std::vector<uint8_t> bytes(const std::string &text) { return {text.begin(), text.end()}; }
inline std::string text(const std::vector<uint8_t> &bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace nsarm
