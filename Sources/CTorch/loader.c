#include "CTorchLoader.h"

#include <pthread.h>

#include "CLazyLibrary.h"
#include "CTorch.h"
#include "stock_memory.h"

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

// Of CTorchShim, where that is linked into the program.
const lazy_table *ctorch_shim(void) __attribute__((weak));

static lazy_library library = {
  .title = "libtorch",
  .file = "libCTorch.so",
  .entry = "ctorch_shim",
  .linked = ctorch_shim,
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

static void *preload(void *context) {
  (void)context;
  lazy_load(&library);  // what is wrong with it is told to whoever wants it
  return NULL;
}

void ctorch_preload(void) {
  ctorch_stock_memory();
  pthread_t thread;
  if (pthread_create(&thread, NULL, preload, NULL) == 0) pthread_detach(thread);
}
