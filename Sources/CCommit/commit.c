#include "CCommit.h"

#include "CStamp.h"

// A target of Swift is compiled again whenever a target of C is that it depends on: this one never
// changes, and CStamp, which does with every commit, is behind it.
const char *ccommit_commit(void) { return cstamp_commit(); }
const char *ccommit_tag(void) { return cstamp_tag(); }
