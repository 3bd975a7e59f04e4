#include "CMappedMemory.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// In a list that only grows, so that the handler can walk it whatever other threads do; a node that
// is not in use has no length.
struct cm_mapping {
  _Atomic(uintptr_t) start;
  atomic_size_t length;
  atomic_bool damaged;
  struct cm_mapping *next;
};

static _Atomic(struct cm_mapping *) mappings;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction earlier;
static uintptr_t page_size;

static bool has_mended(uintptr_t address) {
  for (struct cm_mapping *m = atomic_load(&mappings); m; m = m->next) {
    uintptr_t start = atomic_load(&m->start), end = start + atomic_load(&m->length);
    if (address < start || address >= end) continue;
    uintptr_t page = address & ~(page_size - 1);
    void *zeros = mmap((void *)page, end - page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (zeros == MAP_FAILED) return false;
    atomic_store(&m->damaged, true);
    return true;
  }
  return false;
}

static void on_bus_error(int number, siginfo_t *info, void *context) {
  int error = errno;
  bool mended = has_mended((uintptr_t)info->si_addr);
  errno = error;
  if (mended) return;
  if (earlier.sa_flags & SA_SIGINFO) return earlier.sa_sigaction(number, info, context);
  if (earlier.sa_handler != SIG_DFL && earlier.sa_handler != SIG_IGN) {
    return earlier.sa_handler(number);
  }
  signal(number, SIG_DFL);  // the access is tried again, and ends the process
}

static void install(void) {
  page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
  struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &earlier);
}

// A node that is not in use, with the lock held.
static struct cm_mapping *free_node(void) {
  for (struct cm_mapping *m = atomic_load(&mappings); m; m = m->next) {
    if (!atomic_load(&m->length)) return m;
  }
  struct cm_mapping *m = calloc(1, sizeof *m);
  if (!m) return NULL;
  m->next = atomic_load(&mappings);
  atomic_store(&mappings, m);
  return m;
}

cm_mapping *cm_map(int descriptor, size_t length) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install);
  void *start = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0);
  if (start == MAP_FAILED) return NULL;
  pthread_mutex_lock(&lock);
  struct cm_mapping *m = free_node();
  if (m) {
    atomic_store(&m->start, (uintptr_t)start);
    atomic_store(&m->length, length);
  }
  pthread_mutex_unlock(&lock);
  if (!m) munmap(start, length);
  return m;
}

void cm_unmap(cm_mapping *m) {
  pthread_mutex_lock(&lock);
  void *start = (void *)atomic_load(&m->start);
  munmap(start, atomic_exchange(&m->length, 0));
  atomic_store(&m->damaged, false);
  pthread_mutex_unlock(&lock);
}

void *cm_bytes(const cm_mapping *m) { return (void *)atomic_load(&m->start); }

bool cm_is_damaged(const cm_mapping *m) { return atomic_load(&m->damaged); }
