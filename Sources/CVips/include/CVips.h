// A small C interface over libvips: decode a file to raw samples, read rectangles of it, encode raw
// samples to a file. libvips' own headers are not included, so that Swift sees plain C only.
//
// Functions that can fail return NULL or non-zero and set *error to a message that the caller frees
// with free(). Samples are interleaved, row-major, 8 or 16 bit unsigned in native byte order.

#ifndef CVIPS_H
#define CVIPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A picture that has been opened, and possibly decoded.
typedef struct cvips_picture cvips_picture;

/// Colours by code points of ITU-T H.273.
typedef struct {
  bool known;
  uint8_t primaries, transfer, matrix;
  bool full_range;
} cvips_cicp;

/// The reason why a picture cannot be opened.
typedef enum {
  CVIPS_DAMAGED,         ///< or whatever else a library reports, in the message only
  CVIPS_UNKNOWN_FORMAT,  ///< no reader recognises the contents
  CVIPS_UNSUPPORTED      ///< a known format with contents that are not supported
} cvips_failure;

/// The properties of a picture after its conversion to grey or RGB and after its EXIF orientation
/// has been applied.
typedef struct {
  int32_t width, height;  ///< pixels, >= 1
  int32_t channels;       ///< 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha
  int32_t bit_depth;      ///< 8 or 16
  bool converted;         ///< true if colours were converted to sRGB (CMYK, Lab)
  bool from_float;        ///< true if float samples were scaled to 16 bit
  bool premultiplied;     ///< true if colours were multiplied by alpha in the file
  int32_t pages;          ///< pages or frames in the file, >= 1
  int32_t orientation;    ///< EXIF's, 1...8: the rotation of the stored picture
  double xres, yres;      ///< pixels per millimetre, 0 if unknown
  cvips_cicp cicp;        ///< the colour description of AVIF and HEIF files
  bool has_gain_map, has_depth, has_credentials;  ///< parts of a file that are not read
  bool is_sequence;                               ///< the file has video tracks, too
  cvips_failure failure;                          ///< set if cvips_open returns NULL
} cvips_header;

/// Properties that are known only after decoding.
typedef struct {
  bool lacks_end;   ///< a JPEG file without its last two bytes, but otherwise complete
  bool damaged;     ///< libjpeg reports errors: parts may look wrong
  bool opaque;      ///< no pixel is transparent
  bool colourless;  ///< red, green and blue differ by one level at most, everywhere
} cvips_findings;

/// Bytes owned by something else; {NULL, 0} if there are none.
typedef struct {
  const void *bytes;
  size_t count;
} cvips_blob;

/// Metadata to write beside the samples.
typedef struct {
  cvips_blob icc, exif, xmp, iptc;
} cvips_metadata;

/// Colours from which a profile is made.
typedef struct {
  const char *name;
  bool grey;
  double white[2], red[2], green[2], blue[2];  ///< chromaticities x, y
  /// Light by value v: (a v + b)^g if v >= d, else c v, as {g, a, b, c, d}; or a table of it.
  double parameters[5];
  const float *table;
  int32_t table_count;
  cvips_cicp cicp;  ///< written beside the primaries and curves if known
} cvips_colours;

typedef enum {
  CVIPS_XMP_FIND,
  CVIPS_XMP_REMOVE,
  CVIPS_XMP_SET,   ///< set to an integer
  CVIPS_XMP_SCALE  ///< multiplied, and rounded to an integer
} cvips_xmp_kind;

/// An edit of the properties of an XMP packet with a name.
typedef struct {
  const char *uri;   ///< the namespace; NULL: any
  const char *name;  ///< NULL: the whole namespace; with any namespace, a part of names
  cvips_xmp_kind kind;
  double number;
  int32_t found;  ///< the number of matches
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

/// Receives a warning of a library, on the thread that caused it: the library (or NULL), and the
/// text.
typedef void (*cvips_receiver)(const char *library, const char *text);

/// The target of reducing a picture.
typedef struct {
  /// The part of the upright picture to take; all of it if the width is 0.
  int32_t x, y, from_width, from_height;
  int32_t width, height;  ///< upright, not more than the part
  int32_t quality;        ///< 1...100
} cvips_reduction;

// A program has both these functions and those that implement them, which bear other names there.
#ifdef CVIPS_IMPLEMENTATION
#define CVIPS_FUNCTION(result, name, parameters, arguments) \
  result name parameters __asm__("implementation_of_" #name);
#else
#define CVIPS_FUNCTION(result, name, parameters, arguments) result name parameters;
#endif
#include "CVipsFunctions.h"
#undef CVIPS_FUNCTION

#ifdef __cplusplus
}
#endif

#endif
