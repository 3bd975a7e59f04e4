#include "CVips.h"
#include "CVipsShim.h"

static const char *const names[] = {
#define CVIPS_FUNCTION(result, name, parameters, arguments) #name,
#include "CVipsFunctions.h"
#undef CVIPS_FUNCTION
};

static void *const functions[] = {
#define CVIPS_FUNCTION(result, name, parameters, arguments) (void *)name,
#include "CVipsFunctions.h"
#undef CVIPS_FUNCTION
};

static const lazy_table table = {names, functions, sizeof names / sizeof *names};

const lazy_table *cvips_shim(void) { return &table; }
