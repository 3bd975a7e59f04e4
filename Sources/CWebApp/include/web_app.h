#ifndef CWEBAPP_H
#define CWEBAPP_H

#include <stddef.h>

/// A file of the web app as it is served.
typedef struct {
  const char *_Nonnull name;  // as in its URL, without the slash before it
  const char *_Nonnull media_type;
  const unsigned char *_Nonnull bytes;
  size_t count;
} cwebapp_file;

size_t cwebapp_count(void);
/// Never NULL where `index` is below the count.
const cwebapp_file *_Nonnull cwebapp_at(size_t index);

#endif
