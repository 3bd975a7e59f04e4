#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "picture.h"

/// Whether the file's disk is full. The message of a failure does not tell: libvips has one for all
/// threads, and it may be another thread's.
static bool is_disk_full(int descriptor) {
  struct statvfs status;
  return fstatvfs(descriptor, &status) == 0 && (uint64_t)status.f_bavail * status.f_frsize < 1 << 16;
}

/// Decodes into a file without a name, so that a crash leaves nothing behind. `*no_room` is set if
/// there was no room for it.
static VipsImage *decode_to_file(
    VipsImage *image, const char *folder, bool *no_room, char **error) {
  char *path = g_build_filename(folder, ".nsarm-decoded-XXXXXX", NULL);
  int descriptor = g_mkstemp(path);
  if (descriptor < 0) {
    cvips_fail_with(error, "cannot create a temporary file in %s: %s", folder, strerror(errno));
    g_free(path);
    *no_room = true;
    return NULL;
  }
  unlink(path);
  g_free(path);
  VipsImage *raw = NULL;
  char name[32];
  snprintf(name, sizeof name, "/dev/fd/%d", descriptor);
  if (vips_rawsave_fd(image, descriptor, NULL) != 0 ||
      vips_rawload(name, &raw, image->Xsize, image->Ysize, image->Bands, "format", image->BandFmt,
                   "interpretation", image->Type, NULL) != 0) {
    cvips_fail(error);
    *no_room = is_disk_full(descriptor);
  }
  close(descriptor);
  return raw;
}

static VipsImage *oriented(VipsImage *image, int orientation, char **error) {
  if (orientation <= 1) return g_object_ref(image);
  VipsImage *copy = NULL, *out = NULL;
  if (vips_copy(image, &copy, NULL) != 0) {
    cvips_fail(error);
    return NULL;
  }
  vips_image_set_int(copy, VIPS_META_ORIENTATION, orientation);
  int status = vips_autorot(copy, &out, NULL);
  g_object_unref(copy);
  if (status != 0) {
    cvips_fail(error);
    return NULL;
  }
  return out;
}

/// Whether a row has a pixel that is not opaque, and one that has a colour.
#define SCAN(type, opaque_value, tolerance)                                         \
  static void scan_##type(const type *row, int width, int bands, cvips_findings *f) { \
    for (int x = 0; x < width; x++, row += bands) {                                   \
      if (bands % 2 == 0 && row[bands - 1] != opaque_value) f->opaque = false;        \
      if (bands < 3) continue;                                                        \
      int high = row[0] > row[1] ? row[0] : row[1], low = row[0] + row[1] - high;     \
      if (row[2] > high) high = row[2];                                               \
      if (row[2] < low) low = row[2];                                                 \
      if (high - low > tolerance) f->colourless = false;                              \
    }                                                                                 \
  }
SCAN(uint8_t, 255, 1)
SCAN(uint16_t, 65535, 257)

/// Inspects the pixels until everything is known; a photo in colour ends the search early.
static int scan(VipsImage *image, cvips_findings *findings) {
  findings->opaque = true;
  findings->colourless = image->Bands >= 3;
  VipsRegion *region = vips_region_new(image);
  int status = 0;
  for (int y = 0; y < image->Ysize && status == 0; y++) {
    bool is_open = image->Bands % 2 == 0 && findings->opaque;
    if (!is_open && !findings->colourless) break;
    VipsRect row = {0, y, image->Xsize, 1};
    status = vips_region_prepare(region, &row);
    if (status != 0) break;
    const void *samples = VIPS_REGION_ADDR(region, 0, y);
    if (image->BandFmt == VIPS_FORMAT_UCHAR)
      scan_uint8_t(samples, image->Xsize, image->Bands, findings);
    else
      scan_uint16_t(samples, image->Xsize, image->Bands, findings);
  }
  g_object_unref(region);
  return status;
}

/// Reopens a JPEG file with the missing end marker appended.
static int open_with_end(cvips_picture *picture, char **error) {
  picture->lacks_end = true;
  cvips_header header = {0};
  VipsImage *image = cvips_open_page(picture, &header, error);
  if (!image || cvips_normalise(&image, &header, error) != 0) {
    if (image) g_object_unref(image);
    return -1;
  }
  g_object_unref(picture->opened);
  picture->opened = image;
  return 0;
}

static VipsImage *decode_once(
    cvips_picture *picture, const char *folder, uint64_t memory_limit, bool *no_room,
    char **error) {
  VipsImage *image = picture->opened, *flat = NULL;
  if (VIPS_IMAGE_SIZEOF_IMAGE(image) > memory_limit)
    return decode_to_file(image, folder, no_room, error);
  flat = vips_image_copy_memory(image);
  if (!flat) cvips_fail(error);
  return flat;
}

int cvips_decode(
    cvips_picture *picture, const char *scratch_folder, uint64_t memory_limit,
    cvips_findings *findings, char **error) {
  if (picture->decoded) return 0;
  if (picture->is_jpeg) cvips_check_jpeg(picture->path, findings);
  // A truncated file lacks more than the marker, and counts as damaged.
  if (findings->lacks_end && !findings->damaged && open_with_end(picture, error) != 0) return -1;
  bool no_room = false;
  VipsImage *flat = decode_once(picture, scratch_folder, memory_limit, &no_room, error);
  if (flat) {
    if (scan(flat, findings) == 0)
      picture->decoded = oriented(flat, picture->orientation, error);
    else
      cvips_fail(error);
    g_object_unref(flat);
  }
  vips_error_clear();
  return picture->decoded ? 0 : no_room ? -2 : -1;
}

int cvips_read(
    const cvips_picture *picture, int32_t x, int32_t y, int32_t w, int32_t h, void *out,
    char **error) {
  VipsImage *image = picture->decoded;
  if (!image) return cvips_fail_with(error, "the picture has not been decoded");
  VipsRect rect = {x, y, w, h};
  VipsRegion *region = vips_region_new(image);
  if (vips_region_prepare(region, &rect) != 0) {
    g_object_unref(region);
    cvips_fail(error);
    vips_error_clear();
    return -1;
  }
  size_t row = VIPS_IMAGE_SIZEOF_PEL(image) * (size_t)w;
  for (int32_t j = 0; j < h; j++)
    memcpy((char *)out + row * (size_t)j, VIPS_REGION_ADDR(region, x, y + j), row);
  g_object_unref(region);
  return 0;
}
