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

/// Colours by code points of ITU-T H.273.
typedef struct {
  bool known;
  uint8_t primaries, transfer, matrix;
  bool full_range;
} cvips_cicp;

/// What a picture holds after conversion to grey or RGB and after its EXIF orientation is applied.
typedef struct {
  int32_t width, height;  ///< pixels, >= 1
  int32_t channels;       ///< 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha
  int32_t bit_depth;      ///< 8 or 16
  bool converted;         ///< true where colours were converted to sRGB (CMYK, Lab)
  bool from_float;        ///< true where float samples were scaled to 16 bit
  bool premultiplied;     ///< true where colours were multiplied by alpha in the file
  int32_t pages;          ///< pages or frames in the file, >= 1
  int32_t orientation;    ///< EXIF's, 1...8: how the file's picture is turned
  double xres, yres;      ///< pixels per millimetre, 0 where unknown
  cvips_cicp cicp;        ///< what AVIF and HEIF say of their colours
  bool has_gain_map, has_depth, has_credentials;  ///< parts of a file that are not read
  bool is_sequence;                               ///< a HEIF or AVIF file has video tracks, too
} cvips_header;

/// What decoding a picture shows.
typedef struct {
  bool lacks_end;   ///< a JPEG file without its last two bytes, whole otherwise
  bool damaged;     ///< libjpeg warns of it: parts may look wrong
  bool opaque;      ///< no pixel is transparent
  bool colourless;  ///< red, green and blue differ by one level at most, everywhere
} cvips_findings;

/// A block of bytes that somebody else owns; {NULL, 0} where there is none.
typedef struct {
  const void *bytes;
  size_t count;
} cvips_blob;

/// Metadata to write beside the samples.
typedef struct {
  cvips_blob icc, exif, xmp, iptc;
} cvips_metadata;

/// Colours of which a profile is made.
typedef struct {
  const char *name;
  bool grey;
  double white[2], red[2], green[2], blue[2];  ///< chromaticities x, y
  /// Light by value v: (a v + b)^g where v >= d, else c v, as {g, a, b, c, d}; or a table of it.
  double parameters[5];
  const float *table;
  int32_t table_count;
  cvips_cicp cicp;  ///< written beside the primaries and curves where known
} cvips_colours;

typedef enum {
  CVIPS_XMP_FIND,
  CVIPS_XMP_REMOVE,
  CVIPS_XMP_SET,   ///< to a whole number
  CVIPS_XMP_SCALE  ///< a number, rounded to a whole one
} cvips_xmp_kind;

/// A change to the properties of an XMP packet that have a name.
typedef struct {
  const char *uri;   ///< of the namespace; NULL: of any
  const char *name;  ///< NULL: all of the namespace; of any namespace, a part of names
  cvips_xmp_kind kind;
  double number;
  int32_t found;  ///< how many there were
} cvips_xmp_edit;

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

/// Gets a warning of a library, on the thread that caused it: whose it is (or NULL), and its text.
typedef void (*cvips_receiver)(const char *library, const char *text);

/// What a picture is made smaller to.
typedef struct {
  /// The part that is taken, of the upright picture; all of it where the width is 0.
  int32_t x, y, from_width, from_height;
  int32_t width, height;  ///< upright, not more than is taken
  int32_t quality;        ///< 1...100
} cvips_reduction;

#define CVIPS_FUNCTION(result, name, parameters, arguments) result name parameters;
#include "CVipsFunctions.h"
#undef CVIPS_FUNCTION

#ifdef __cplusplus
}
#endif

#endif
