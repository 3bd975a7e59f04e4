#include "CTorchLoader.h"

#include <pthread.h>
#include <stdatomic.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "CLazyLibrary.h"
#include "CTorch.h"

static struct {
#define CT_FUNCTION(result, name, parameters, arguments) result (*name) parameters;
#include "CTorchFunctions.h"
#undef CT_FUNCTION
} functions;

static const char *const names[] = {
#define CT_FUNCTION(result, name, parameters, arguments) #name,
#include "CTorchFunctions.h"
#undef CT_FUNCTION
};

static lazy_library library = {
  .title = "libtorch",
  .file = "libCTorch.so",
  .remedy = "run scripts/setup and make build, take another libtorch with scripts/build-shim, or install "
            "nsarm again",
  .names = names,
  .functions = (void **)&functions,
  .count = sizeof names / sizeof *names,
  .is_global = true,  // for libtorch's CUDA half
  .lock = PTHREAD_MUTEX_INITIALIZER,
};

#define CT_FUNCTION(result, name, parameters, arguments) \
  result name parameters {                               \
    lazy_demand(&library);                               \
    return functions.name arguments;                     \
  }
#include "CTorchFunctions.h"
#undef CT_FUNCTION

const char *ctorch_load(void) { return lazy_load(&library); }

static atomic_bool is_preloading;

static void *preload(void *context) {
  (void)context;
  lazy_load(&library);  // what is wrong with it is told to whoever wants it
  atomic_store(&is_preloading, false);
  return NULL;
}

void ctorch_preload(void) {
  pthread_t thread;
  atomic_store(&is_preloading, true);
  if (pthread_create(&thread, NULL, preload, NULL) == 0) {
    pthread_detach(thread);
  } else {
    atomic_store(&is_preloading, false);
  }
}

bool ctorch_is_preloading(void) { return atomic_load(&is_preloading); }

void ctorch_keep_freed_memory(void) {
#ifdef __GLIBC__
  // One arena, since a thread's own arena would keep what other threads need, and consists of heaps
  // of 64 MB that larger blocks do not fit.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}
