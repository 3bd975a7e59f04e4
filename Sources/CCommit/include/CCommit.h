#ifndef CCOMMIT_H
#define CCOMMIT_H

/// The commit that the sources were at when they were built, abbreviated, with ".dirty" after it
/// where files had been changed; empty where that is not known.
const char *ccommit_commit(void);

/// The tag of that commit that begins with "v" and a digit, or an empty text.
const char *ccommit_tag(void);

#endif
