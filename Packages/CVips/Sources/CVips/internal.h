#ifndef CVIPS_INTERNAL_H
#define CVIPS_INTERNAL_H

#include <vips/vips.h>

#include "CVips.h"

/// Hands libvips' pending error text to the caller as one line, and clears it. Returns -1.
int cvips_fail(char **error);

/// The same with a text of our own (printf format).
int cvips_fail_with(char **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/// Loads what reads and writes HEIF, AVIF and JPEG XL: modules of libvips with large libraries
/// behind them, which other pictures do without.
void cvips_load_modules(void);

/// Replaces an image by one of unsigned grey or RGB samples of 8 or 16 bit with at most one alpha
/// channel, and notes in the header how it was made.
int cvips_normalise(VipsImage **image, cvips_header *header, char **error);

/// Whether a file that begins with these bytes is a BMP file.
bool cvips_is_bmp(const uint8_t *bytes, size_t count);

/// Opens a BMP file; its rows are read when they are needed.
VipsImage *cvips_bmp_open(const char *path, char **error);

#endif
