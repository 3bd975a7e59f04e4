#ifndef LAZY_TABLE_H
#define LAZY_TABLE_H

#include <stddef.h>

// The functions of a library.
typedef struct {
  const char *const *names;
  void *const *functions;
  size_t count;
} lazy_table;

#endif
