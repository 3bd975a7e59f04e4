#include "CVipsLoader.h"

#include "CLazyLibrary.h"
#include "CVips.h"

static struct {
#define CVIPS_FUNCTION(result, name, parameters, arguments) result (*name) parameters;
#include "CVipsFunctions.h"
#undef CVIPS_FUNCTION
} functions;

static const char *const names[] = {
#define CVIPS_FUNCTION(result, name, parameters, arguments) #name,
#include "CVipsFunctions.h"
#undef CVIPS_FUNCTION
};

// Of CVipsShim, where that is linked into the program.
const lazy_table *cvips_shim(void) __attribute__((weak));

static lazy_library library = {
  .title = "the image library libvips",
  .file = "libCVips.so",
  .entry = "cvips_shim",
  .linked = cvips_shim,
  .remedy = "install libvips 8.13 or newer, or nsarm again",
  .names = names,
  .functions = (void **)&functions,
  .count = sizeof names / sizeof *names,
  .lock = PTHREAD_MUTEX_INITIALIZER,
};

#define CVIPS_FUNCTION(result, name, parameters, arguments) \
  result name parameters {                                  \
    lazy_demand(&library);                                  \
    return functions.name arguments;                        \
  }
#include "CVipsFunctions.h"
#undef CVIPS_FUNCTION

const char *cvips_load(void) { return lazy_load(&library); }
