#include "GroupMonitor.h"

#include <atomic>
#include <condition_variable>
#include <mutex>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

namespace nsarm {

std::string GroupMonitor::Member::name(int32_t rank) const {
  return "rank " + std::to_string(rank) + " (" + addresses[rank] + ")";
}

std::string GroupMonitor::Member::keeper() const {
  return agent_store ? "torchrun's agent at " + place.title() : name(0);
}

namespace {

// Beats without news after which a rank counts as silent.
constexpr int patience = 4;

// Between signs of life.
Milliseconds interval_of(Milliseconds timeout) {
  return std::clamp(timeout / 20, Milliseconds(20), Milliseconds(1000));
}

std::string beat_key(int32_t rank) { return "beat/" + std::to_string(rank); }

// A rank's sign of life: "BEAT COLLECTIVES", or "left".
struct Sign {
  std::string text;
  Clock::time_point since;
  int64_t collectives() const {
    auto space = text.find(' ');
    return space == std::string::npos ? 0 : atoll(text.c_str() + space);
  }
  bool has_left() const { return text == "left"; }
};

std::string listed(const std::vector<std::string> &names) {
  std::string result;
  for (size_t i = 0; i < names.size(); i++) {
    if (i) result += i + 1 == names.size() ? " and " : ", ";
    result += names[i];
  }
  return result;
}

}  // namespace

// Shared with the thread, which outlives the monitor where the store does not answer.
struct GroupMonitor::State {
  const Member member;
  void (*const on_silence)(const std::string &);
  const Milliseconds interval;

  std::mutex mutex;
  std::condition_variable changed;
  std::atomic<int64_t> collectives{0};
  bool is_leaving = false, is_over = false;
  bool is_asked = false;
  std::string cause, verdict;
  bool store_is_gone = false;

  State(Member member, void (*on_silence)(const std::string &))
      : member(std::move(member)), on_silence(on_silence),
        interval(interval_of(this->member.timeout)) {}

  // The thread.
  void run() {
    try {
      auto store = open_store(member.place, false, 0, member.timeout);
      c10d::PrefixStore keys(member.prefix, store);
      std::vector<Sign> signs(member.size);
      int64_t beat = 0;
      for (Clock::time_point asked_since{};;) {
        keys.set(beat_key(member.rank),
                 bytes(std::to_string(++beat) + " " + std::to_string(collectives.load())));
        bool has_verdict = keys.check({"verdict"});
        if (has_verdict) tell(text(keys.get("verdict")), &keys);
        bool asked;
        {
          std::lock_guard lock(mutex);
          asked = is_asked && verdict.empty();
          if (is_leaving) break;
        }
        if (asked || on_silence) look(keys, signs);
        if (asked) {
          if (asked_since == Clock::time_point{}) asked_since = Clock::now();
          if (auto reason = judge(signs, asked_since); !reason.empty()) publish(keys, reason);
        }
        if (on_silence) watch(signs);
        std::unique_lock lock(mutex);
        changed.wait_for(lock, interval, [&] { return is_leaving; });
      }
      keys.set(beat_key(member.rank), bytes("left"));
    } catch (const std::exception &) {
      std::lock_guard lock(mutex);
      store_is_gone = true;
    }
    std::lock_guard lock(mutex);
    is_over = true;
    changed.notify_all();
  }

  void look(c10d::PrefixStore &keys, std::vector<Sign> &signs) {
    std::vector<std::string> names;
    for (int32_t rank = 0; rank < member.size; rank++) names.push_back(beat_key(rank));
    // A rank that has given no sign yet may be preparing its monitor.
    std::vector<std::vector<uint8_t>> found(member.size);
    if (keys.check(names)) {
      found = keys.multiGet(names);
    } else {
      for (int32_t rank = 0; rank < member.size; rank++)
        if (keys.check({names[rank]})) found[rank] = keys.get(names[rank]);
    }
    for (int32_t rank = 0; rank < member.size; rank++) {
      auto now = text(found[rank]);
      auto &sign = signs[rank];
      if (sign.text != now || sign.since == Clock::time_point{}) sign = {now, Clock::now()};
    }
  }

  // The reason, as soon as it is known.
  std::string judge(const std::vector<Sign> &signs, Clock::time_point asked_since) {
    auto now = Clock::now();
    std::vector<std::string> left, silent, late;
    for (int32_t rank = 0; rank < member.size; rank++) {
      if (rank == member.rank) continue;
      const auto &sign = signs[rank];
      if (sign.has_left()) left.push_back(member.name(rank));
      else if (now - sign.since >= patience * interval) silent.push_back(member.name(rank));
      else if (sign.collectives() < collectives) late.push_back(member.name(rank));
    }
    if (now - asked_since < (patience + 1) * interval) return "";
    auto are = [](const auto &names, const char *one, const char *many) {
      return listed(names) + (names.size() == 1 ? one : many);
    };
    if (!silent.empty()) return are(silent, " is gone or silent", " are gone or silent");
    if (!left.empty()) return are(left, " has left the group", " have left the group");
    if (!late.empty()) {
      return are(late, " lives but did not come to collective ", " live but did not come to collective ") +
             std::to_string(collectives.load()) + " within " + title(member.timeout) + " (" + cause + ")";
    }
    return "a collective failed: " + cause;
  }

  // Whether the whole group is to end, since a rank has been silent for long.
  void watch(const std::vector<Sign> &signs) {
    auto now = Clock::now();
    for (int32_t rank = 0; rank < member.size; rank++) {
      if (rank == member.rank || signs[rank].has_left()) continue;
      if (now - signs[rank].since > member.timeout / 2) on_silence(member.name(rank) + " is gone or silent");
    }
  }

  // The first verdict holds for all ranks.
  void publish(c10d::PrefixStore &keys, const std::string &reason) {
    tell(text(keys.compareSet("verdict", {}, bytes(reason))), &keys);
  }

  void tell(const std::string &reason, c10d::PrefixStore *keys) {
    {
      std::lock_guard lock(mutex);
      if (!verdict.empty()) return;
    }
    keys->add("informed", 1);
    // The store ends with the process that hosts it; the others look at each of their beats.
    if (!member.agent_store && member.rank == 0) {
      wait_until(patience * interval, [&] { return keys->add("informed", 0) >= member.size; });
    }
    std::lock_guard lock(mutex);
    verdict = reason;
    changed.notify_all();
  }
};

GroupMonitor::GroupMonitor(Member member, void (*on_silence)(const std::string &))
    : state(std::make_shared<State>(std::move(member), on_silence)) {
  std::thread([state = state] { state->run(); }).detach();
}

GroupMonitor::~GroupMonitor() {
  std::unique_lock lock(state->mutex);
  state->is_leaving = true;
  state->changed.notify_all();
  state->changed.wait_for(lock, 2 * state->interval, [&] { return state->is_over; });
}

Milliseconds GroupMonitor::collective_timeout(Milliseconds timeout) {
  return std::max(timeout - (patience + 2) * interval_of(timeout), Milliseconds(1));
}

void GroupMonitor::count() { state->collectives++; }

std::string GroupMonitor::verdict() const {
  std::lock_guard lock(state->mutex);
  return state->verdict;
}

std::string GroupMonitor::diagnose(const std::string &cause) {
  std::unique_lock lock(state->mutex);
  state->cause = cause;
  state->is_asked = true;
  // The store's host also waits for the others to learn of it.
  bool is_host = !state->member.agent_store && state->member.rank == 0;
  auto longest = (is_host ? 3 * patience + 2 : 2 * patience) * state->interval + Milliseconds(1000);
  bool is_known = state->changed.wait_for(lock, longest, [&] {
    return !state->verdict.empty() || state->store_is_gone || state->is_over;
  });
  if (!state->verdict.empty()) return state->verdict;
  const auto &member = state->member;
  auto trouble = is_known ? " is gone" : " does not answer";
  return member.keeper() + ", which hosts the store," + trouble + " (" + cause + ")";
}

}  // namespace nsarm
