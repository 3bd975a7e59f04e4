// The watch over the processes of a group: each tells in the store, again and again, that it lives
// and how many collectives it has begun. When a collective fails, that tells who is to blame.
#pragma once

#include "Store.h"

#include <memory>

#include <torch/csrc/distributed/c10d/Store.hpp>

namespace nsarm {

class GroupMonitor {
 public:
  struct Member {
    StorePlace place;    // of the store
    std::string prefix;  // of the group's keys
    int32_t rank, size;
    bool agent_store;                    // else rank 0 hosts it
    std::vector<std::string> addresses;  // of all ranks
    Milliseconds timeout;                // of a collective

    std::string name(int32_t rank) const;  // "rank 2 (10.0.0.3)"
    std::string keeper() const;            // "rank 0 (10.0.0.1)", "torchrun's agent at host:port"
  };

  // Begins in a thread of its own, with a connection of its own. Where `on_silence` is given, it is
  // called with the reason when another rank has been silent for half of the timeout.
  GroupMonitor(Member member, void (*on_silence)(const std::string &reason));
  // Tells the others that this rank has left.
  ~GroupMonitor();
  GroupMonitor(const GroupMonitor &) = delete;

  // Another collective begins.
  void count();

  // The reason that a rank has found for the failure of the group; empty: none yet.
  std::string verdict() const;

  // Waits for the reason why a collective failed: who is gone or silent, or `cause`.
  std::string diagnose(const std::string &cause);

  // The part of `timeout` after which a collective is given up, so that time for a diagnosis is
  // left.
  static Milliseconds collective_timeout(Milliseconds timeout);

  struct State;

 private:
  std::shared_ptr<State> state;
};

}  // namespace nsarm
