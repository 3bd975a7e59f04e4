#define _GNU_SOURCE  // madvise
#include "stock_memory.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "CTorchLoader.h"

static bool keeps_freed_memory = false;

void ctorch_keep_freed_memory(void) {
#ifdef __GLIBC__
  // One arena, since a thread's own arena would keep what other threads need, and consists of heaps
  // of 64 MB that larger blocks do not fit.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  mallopt(M_TOP_PAD, 64 << 20);
  keeps_freed_memory = true;
#endif
}

#if defined(__GLIBC__) && defined(MADV_POPULATE_WRITE)
enum { PAGE = 2 << 20, STOCK = 192 << 20 };

static void *populate(void *start) {
  for (size_t done = 0; done + PAGE <= STOCK; done += PAGE) {
    if (madvise((char *)start + done, PAGE, MADV_POPULATE_WRITE) != 0) break;
  }
  return NULL;
}

static void stock(void) {
  if (!keeps_freed_memory) return;
  // The allocator's from now on, which gives it back to nobody.
  char *block = malloc(STOCK + PAGE);
  if (!block) return;
  void *start = (void *)(((uintptr_t)block + PAGE - 1) / PAGE * PAGE);
  free(block);
  madvise(start, STOCK, MADV_HUGEPAGE);
  pthread_t thread;
  if (pthread_create(&thread, NULL, populate, start) == 0) pthread_detach(thread);
}
#else
static void stock(void) {}
#endif

void ctorch_stock_memory(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, stock);
}
