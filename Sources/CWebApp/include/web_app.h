#ifndef CWEBAPP_H
#define CWEBAPP_H

#include <stddef.h>

/// A file of the web app.
typedef struct {
  const char *_Nonnull name;  // the path in its URL, without the leading slash
  const char *_Nonnull media_type;
  const unsigned char *_Nonnull bytes;
  size_t count;
} cwebapp_file;

size_t cwebapp_count(void);
/// NULL only if `index` is not below the count.
const cwebapp_file *_Nonnull cwebapp_at(size_t index);

#endif
