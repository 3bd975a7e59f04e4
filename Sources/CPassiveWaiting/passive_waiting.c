#include "CPassiveWaiting.h"

#if defined(__linux__)
#include <string.h>
#include <unistd.h>

static void relaunch(int argc, char **argv, char **environment) {
  static const char policy[] = "OMP_WAIT_POLICY=";
  size_t count = 0;
  for (; environment && environment[count]; count++) {
    if (!strncmp(environment[count], policy, sizeof policy - 1)) return;
  }
  // The allocator is not initialised yet.
  char *extended[count + 2];
  for (size_t i = 0; i < count; i++) extended[i] = environment[i];
  extended[count] = "OMP_WAIT_POLICY=passive";
  extended[count + 1] = NULL;
  execve("/proc/self/exe", argv, extended);  // where that is not possible, the process goes on as it is
}

// Runs before the initialisers of all libraries; executables only have this section.
__attribute__((section(".preinit_array"), used)) static void (*const hook)(int, char **, char **) =
    relaunch;
#endif
