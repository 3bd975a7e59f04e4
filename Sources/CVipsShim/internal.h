#ifndef CVIPS_INTERNAL_H
#define CVIPS_INTERNAL_H

#include <vips/vips.h>

#include "CVips.h"

/// Passes libvips' pending error message to the caller as one line, and clears it. Returns -1.
int cvips_fail(char **error);

/// The same with a message of our own (printf format).
int cvips_fail_with(char **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/// Loads the readers and writers of HEIF, AVIF and JPEG XL: modules of libvips with large libraries
/// that other pictures do not need.
void cvips_load_modules(void);

/// Replaces an image by one of unsigned grey or RGB samples of 8 or 16 bit with at most one alpha
/// channel, and records the conversions in the header.
int cvips_normalise(VipsImage **image, cvips_header *header, char **error);

/// Relative colorimetric, or perceptual if the picture's profile has no other.
VipsIntent cvips_input_intent(VipsImage *image);

/// Fills an image of 8 or 16 bit with the pixels of one of 16 bit, converted between the profiles
/// that are attached to both; alpha is kept. False if a profile makes that impossible.
bool cvips_convert_profile(VipsImage *from, VipsImage *to);

/// Whether a file that begins with these bytes is a BMP file.
bool cvips_is_bmp(const uint8_t *bytes, size_t count);

/// Opens a BMP file; its rows are read on demand.
VipsImage *cvips_bmp_open(const char *path, cvips_header *header, char **error);

/// Reads properties of a HEIF or AVIF file's main picture, or of a page if page >= 0, that libvips
/// does not report: code points, premultiplied alpha, other contents. Only headers are read.
int cvips_read_heif(const char *path, int32_t page, cvips_header *header, char **error);

/// Reads properties of a JPEG XL file that libvips does not report: the number of frames, EXIF and
/// XMP data, which are attached to the image, other contents, and whether libvips would lose
/// colours. Pixels are not decoded.
int cvips_read_jxl(
  const char *path, VipsImage *image, cvips_header *header, bool *loses_colours, char **error);

/// Copies the EXIF and XMP data of one image to another.
void cvips_copy_jxl_blocks(VipsImage *from, VipsImage *to);

/// Decodes a frame of a JPEG XL file, counted from 0, as it is displayed: over the frames before
/// it. Grey or RGB, with alpha if the file has it, 8 or 16 bit, upright, with the profile.
VipsImage *cvips_jxl_frame(const char *path, int32_t page, char **error);

/// The number of frames of an animated PNG; 1 for any other file.
int32_t cvips_apng_count(const char *path);

/// Decodes a frame of an animated PNG, counted from 0, as it is displayed: over the frames before
/// it. Grey or RGB with alpha, 8 or 16 bit, with the profile.
VipsImage *cvips_apng_frame(const char *path, int32_t page, char **error);

/// Whether AVIF files can be written.
bool cvips_has_avif_encoder(void);

/// Encodes samples to an AVIF file as cvips_encode does, through libheif itself: grey pictures stay
/// grey (4:0:0), 16-bit samples become 12-bit, lossless is exact.
int cvips_encode_avif(
  const void *samples, int descriptor, cvips_header header, cvips_encoding encoding,
  cvips_metadata metadata, const char *path, char **error);

#endif
