#include "CTorch.h"
#include "CTorchShim.h"

static const char *const names[] = {
#define CT_FUNCTION(result, name, parameters, arguments) #name,
#include "CTorchFunctions.h"
#undef CT_FUNCTION
};

static void *const functions[] = {
#define CT_FUNCTION(result, name, parameters, arguments) reinterpret_cast<void *>(name),
#include "CTorchFunctions.h"
#undef CT_FUNCTION
};

const lazy_table *ctorch_shim() {
  static const lazy_table table = {names, functions, sizeof names / sizeof *names};
  return &table;
}
