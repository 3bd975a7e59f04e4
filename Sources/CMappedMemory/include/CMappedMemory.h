// Memory mapped from a file whose reading never ends the process. Where a page cannot be read any
// more, because the file became shorter or its disk fails, the system raises SIGBUS; the handler
// here puts zeros in the place of the rest of that mapping, notes it, and lets the reader go on.
#ifndef CMAPPEDMEMORY_H
#define CMAPPEDMEMORY_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cm_mapping cm_mapping;

// Maps the first `length` bytes of an open file, private and writable. NULL with errno where that
// is not possible.
cm_mapping *cm_map(int descriptor, size_t length);
void cm_unmap(cm_mapping *mapping);
void *cm_bytes(const cm_mapping *mapping);
// Whether some of its bytes could not be read and are zeros.
bool cm_is_damaged(const cm_mapping *mapping);

#endif
