// A small C interface over libvips: decode a file to raw samples, read rectangles of it, encode raw
// samples to a file. libvips' own headers stay out of this one, so Swift sees plain C only.
//
// Functions that can fail return NULL or non-zero and set *error to a text that the caller frees
// with free(). Samples are interleaved, row-major, 8 or 16 bit unsigned in machine byte order.

#ifndef CVIPS_H
#define CVIPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A decoded (or opened, not yet decoded) picture.
typedef struct cvips_picture cvips_picture;

/// What a picture holds after conversion to grey or RGB and after its EXIF orientation is applied.
typedef struct {
  int32_t width, height;  ///< pixels, >= 1
  int32_t channels;       ///< 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha
  int32_t bit_depth;      ///< 8 or 16
  bool converted;         ///< true where colours were converted to sRGB (CMYK, Lab)
  bool from_float;        ///< true where float samples were scaled to 16 bit
  int32_t pages;          ///< pages or frames in the file, >= 1
  double xres, yres;      ///< pixels per millimetre, 0 where unknown
} cvips_header;

/// A block of bytes that somebody else owns; {NULL, 0} where there is none.
typedef struct {
  const void *bytes;
  size_t count;
} cvips_blob;

/// Metadata to write beside the samples.
typedef struct {
  cvips_blob icc, exif, xmp, iptc;
} cvips_metadata;

typedef enum {
  CVIPS_JPEG,
  CVIPS_PNG,
  CVIPS_WEBP,
  CVIPS_TIFF,
  CVIPS_AVIF,
  CVIPS_JXL
} cvips_format;

typedef struct {
  cvips_format format;
  int32_t quality;   ///< 1...100, for the lossy formats
  int32_t effort;    ///< 0...9, more is smaller and slower; scaled to the format's own range
  bool lossless;     ///< WebP, AVIF, JPEG XL
  bool progressive;  ///< JPEG, PNG
} cvips_encoding;

#define CVIPS_FUNCTION(result, name, parameters, arguments) result name parameters;
#include "CVipsFunctions.h"
#undef CVIPS_FUNCTION

#ifdef __cplusplus
}
#endif

#endif
