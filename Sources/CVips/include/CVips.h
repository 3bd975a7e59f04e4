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

/// Starts libvips; safe to call often and from several threads. Only the readers of photo formats
/// are left enabled (JPEG, PNG, WebP, TIFF, HEIF/AVIF, JPEG XL, JPEG 2000, GIF, PNM). Returns 0, or
/// -1 with *error.
int cvips_start(char **error);

/// libvips' version, for example "8.14.1".
const char *cvips_version(void);

/// Whether this libvips can write the format.
bool cvips_can_write(cvips_format format);

/// Opens a file and reads its header only: that of a page, counted from 0, or of the file's main
/// picture where page is negative or beyond the last (compare header->pages). Free with
/// cvips_close.
cvips_picture *cvips_open(const char *path, int32_t page, cvips_header *header, char **error);

/// Decodes the whole picture: into memory where its samples take at most memory_limit bytes, else
/// into an unnamed temporary file in scratch_folder. -1 for damaged or truncated files, -2 where
/// scratch_folder has no room for it.
int cvips_decode(
    cvips_picture *picture, const char *scratch_folder, uint64_t memory_limit, char **error);

/// Copies the rectangle's samples to out (w * h * channels samples). The picture must be decoded;
/// the rectangle must lie inside it. Safe to call from several threads.
int cvips_read(
    const cvips_picture *picture, int32_t x, int32_t y, int32_t w, int32_t h, void *out,
    char **error);

/// The picture's metadata; the bytes belong to the picture.
cvips_metadata cvips_get_metadata(const cvips_picture *picture);

void cvips_close(cvips_picture *picture);

/// Encodes samples to the file at path (created or replaced). The samples come from memory, or,
/// where samples is NULL, from the start of the open file descriptor. EXIF orientation is written
/// as 1.
int cvips_encode(
    const void *samples, int descriptor, cvips_header header, cvips_encoding encoding,
    cvips_metadata metadata, const char *path, char **error);

#ifdef __cplusplus
}
#endif

#endif
