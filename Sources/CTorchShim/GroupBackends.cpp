// Gloo and NCCL, where they can be compiled.

#include "Group.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sstream>

#if __has_include(<gloo/algorithm.h>)
#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#endif
#ifdef NSARM_NCCL
#define USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

namespace nsarm {

// A connected UDP socket has the address that its packets would leave from; none is sent.
std::string local_address(const std::string &host, int32_t port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  int status = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (status != 0) {
    throw group_failure("MASTER_ADDR '" + host + "' cannot be resolved (" + gai_strerror(status) +
                        "): give an address");
  }
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(found, freeaddrinfo);
  for (auto each = found; each; each = each->ai_next) {
    int descriptor = socket(each->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) continue;
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    char name[NI_MAXHOST] = "";
    auto address = reinterpret_cast<sockaddr *>(&own);
    bool is_known = connect(descriptor, each->ai_addr, each->ai_addrlen) == 0 &&
                    getsockname(descriptor, address, &length) == 0 &&
                    getnameinfo(address, length, name, sizeof name, nullptr, 0, NI_NUMERICHOST) == 0;
    close(descriptor);
    if (is_known) return name;
  }
  throw group_failure("no network interface reaches MASTER_ADDR '" + host + "'");
}

namespace {

c10::intrusive_ptr<c10d::Backend> gloo(Group &group, const std::string &address, Milliseconds timeout) {
#ifdef USE_C10D_GLOO
  auto options = c10d::ProcessGroupGloo::Options::create(timeout);
  if (auto names = getenv("GLOO_SOCKET_IFNAME"); names && *names) {
    std::istringstream list(names);
    for (std::string name; std::getline(list, name, ',');)
      options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(name));
  } else {
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(address));
  }
  options->threads = static_cast<int>(2 * options->devices.size());
  return c10::make_intrusive<c10d::ProcessGroupGloo>(group.store, group.rank, group.size, options);
#else
  (void)group, (void)address, (void)timeout;
  throw group_failure(
      "this nsarm was built without Gloo, whose headers were missing: run scripts/setup, which "
      "installs Debian's libgloo-dev, and make build");
#endif
}

c10::intrusive_ptr<c10d::Backend> nccl(Group &group, Milliseconds timeout) {
#ifdef USE_C10D_NCCL
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  auto backend =
      c10::make_intrusive<c10d::ProcessGroupNCCL>(group.store, group.rank, group.size, options);
  backend->setBoundDeviceId(group.device);
  return backend;
#else
  (void)group, (void)timeout;
  throw group_failure(
      "this nsarm was built without NCCL: run scripts/build-shim with a CUDA libtorch and NCCL's "
      "headers, or train on CPUs");
#endif
}

}  // namespace

void set_backend(Group &group, const std::string &name, const std::string &address,
                 Milliseconds timeout) {
  bool is_nccl = name == "nccl";
  if (is_nccl && !group.device.is_cuda()) {
    throw group_failure("NCCL is for GPUs, not for " + group.device.str());
  }
  if (!is_nccl) group.device = c10::kCPU;
  group.backend = is_nccl ? nccl(group, timeout) : gloo(group, address, timeout);
  auto type = is_nccl ? c10d::ProcessGroup::BackendType::NCCL : c10d::ProcessGroup::BackendType::GLOO;
  group.processes->setBackend(group.device.type(), type, group.backend);
  group.processes->setDefaultBackend(type);
}

}  // namespace nsarm
