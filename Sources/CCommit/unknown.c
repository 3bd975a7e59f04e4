#include "CCommit.h"

// Weak: what scripts/stamp-commit writes beside this file takes their place.
__attribute__((weak)) const char *ccommit_commit(void) { return ""; }
__attribute__((weak)) const char *ccommit_tag(void) { return ""; }
