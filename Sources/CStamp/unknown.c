#include "CStamp.h"

// Weak: what scripts/stamp-commit writes beside this file takes their place.
__attribute__((weak)) const char *cstamp_commit(void) { return ""; }
__attribute__((weak)) const char *cstamp_tag(void) { return ""; }
