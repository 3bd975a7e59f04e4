#ifndef CVIPS_INTERNAL_H
#define CVIPS_INTERNAL_H

#include <vips/vips.h>

#include "CVips.h"

/// Hands libvips' pending error text to the caller as one line, and clears it. Returns -1.
int cvips_fail(char **error);

/// The same with a text of our own (printf format).
int cvips_fail_with(char **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

#endif
