#include "Store.h"

#include <cstdio>
#include <cstdlib>

#include <c10/util/Logging.h>

namespace nsarm {

std::string title(Milliseconds time) {
  char text[32];
  snprintf(text, sizeof text, "%g s", time.count() / 1000.0);
  return text;
}

std::string first_line(const std::exception &error) {
  auto known = dynamic_cast<const c10::Error *>(&error);
  std::string text = known ? known->what_without_backtrace() : error.what();
  text = text.substr(0, text.find('\n'));
  // "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer"
  auto end = text.find("] ");
  bool has_place = !text.empty() && text[0] == '[' && end != std::string::npos;
  if (has_place) text = text.substr(end + 2);
  return text.substr(0, text.find(". This is typically"));
}

// c10d logs each lost connection with pages of addresses; what they say is in the error, too.
static void quieten() {
  if (!getenv("TORCH_CPP_LOG_LEVEL")) FLAGS_caffe2_log_level = 3;  // fatal ones only
}

c10::intrusive_ptr<c10d::TCPStore> open_store(const StorePlace &place, bool is_server,
                                              int32_t world_size, Milliseconds timeout) {
  quieten();
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(place.port);
  options.isServer = is_server;
  if (world_size > 0) options.numWorkers = world_size;
  options.waitWorkers = world_size > 0;
  options.timeout = timeout;
  try {
    return c10::make_intrusive<c10d::TCPStore>(place.host, options);
  } catch (const std::exception &error) {
    auto why = first_line(error);
    auto has = [&](const char *part) { return why.find(part) != std::string::npos; };
    if (is_server && (has("EADDRINUSE") || has("already in use"))) {
      throw group_failure("port " + std::to_string(place.port) +
                          " is in use on this machine: choose another MASTER_PORT");
    }
    if (has("clients joined")) {
      throw group_failure("not all " + std::to_string(world_size) + " processes joined the store at " +
                          place.title() + " within " + title(timeout));
    }
    throw group_failure("no store at " + place.title() + " within " + title(timeout) +
                        ": see that MASTER_ADDR and MASTER_PORT are right and that rank 0 runs there" +
                        (has("timed out") ? "" : " (" + why + ")"));
  }
}

}  // namespace nsarm

using namespace nsarm;

namespace {

struct OpenStore {
  StorePlace place;
  c10::intrusive_ptr<c10d::TCPStore> store;

  // Runs `body` on the store.
  template <class Body>
  ct_message operator()(Body body) const {
    return guarded([&] {
      try {
        body(*store);
      } catch (const Failure &) {
        throw;
      } catch (const std::exception &error) {
        throw group_failure("the store at " + place.title() + " is gone (" + first_line(error) + ")");
      }
    });
  }
};

const OpenStore &opened(ct_store store) { return *static_cast<const OpenStore *>(store); }

}  // namespace

ct_message ct_store_create(const char *host, int32_t port, bool is_server, int32_t world_size,
                           double seconds, ct_store *result) {
  return guarded([&] {
    StorePlace place{host, port};
    auto store = open_store(place, is_server, world_size, milliseconds(seconds));
    *result = new OpenStore{place, std::move(store)};
  });
}

void ct_store_release(ct_store store) {
  guarded_or(0, [&] {
    delete static_cast<OpenStore *>(store);
    return 0;
  });
}

ct_message ct_store_set(ct_store store, const char *key, const char *value) {
  return opened(store)([&](auto &store) { store.set(key, bytes(value)); });
}

ct_message ct_store_get(ct_store store, const char *key, double seconds, char **result) {
  return opened(store)([&](auto &store) {
    auto timeout = milliseconds(seconds);
    if (!wait_until(timeout, [&] { return store.check({key}); })) {
      throw group_failure("nobody has set '" + std::string(key) + "' in the store within " + title(timeout));
    }
    *result = strdup(text(store.get(key)).c_str());
  });
}

ct_message ct_store_has(ct_store store, const char *key, bool *result) {
  return opened(store)([&](auto &store) { *result = store.check({key}); });
}

ct_message ct_store_add(ct_store store, const char *key, int64_t amount, int64_t *result) {
  return opened(store)([&](auto &store) { *result = store.add(key, amount); });
}
