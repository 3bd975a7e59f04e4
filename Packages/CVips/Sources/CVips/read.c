#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "internal.h"

struct cvips_picture {
  VipsImage *opened;   // grey or RGB, 8 or 16 bit, to be read once from top to bottom
  VipsImage *decoded;  // the same, oriented, random access; NULL until decoded
  int orientation;     // EXIF: 1...8
};

/// Whether one of the readers that are not blocked recognises the contents. Asked in advance,
/// because libvips keeps one error text for all threads: after a failure it may hold, or lack, what
/// another one did.
static bool is_known(VipsSource *source) {
  const char *reader = vips_foreign_find_load_source(source);
  gpointer class = reader ? g_type_class_ref(g_type_from_name(reader)) : NULL;
  if (!class) return false;
  bool known = !(VIPS_OPERATION_CLASS(class)->flags & VIPS_OPERATION_BLOCKED);
  g_type_class_unref(class);
  return known;
}

/// Opens a page, or the file's main picture where page is negative.
static VipsImage *open_page(const char *path, int32_t page, char **error) {
  VipsSource *source = vips_source_new_from_file(path);
  unsigned char *start = NULL;
  gint64 count = source ? vips_source_sniff_at_most(source, &start, 26) : 0;
  static const unsigned char icon[4] = {0, 0, 1, 0};
  if (count > 0 && cvips_is_bmp(start, (size_t)count)) {
    g_object_unref(source);
    return cvips_bmp_open(path, error);
  }
  if (count >= 4 && memcmp(start, icon, 4) == 0) {
    cvips_fail_with(error, "ICO files are not read; convert it to PNG");
    g_object_unref(source);
    return NULL;
  }
  if (source && !is_known(source)) cvips_load_modules();
  if (source && !is_known(source)) {
    cvips_fail_with(error, "no known format");
    vips_error_clear();
    g_object_unref(source);
    return NULL;
  }
  VipsImage *image = NULL;
  if (source && page < 0)
    image = vips_image_new_from_source(source, "", "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                                       VIPS_FAIL_ON_ERROR, NULL);
  else if (source)
    image = vips_image_new_from_source(source, "", "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                                       VIPS_FAIL_ON_ERROR, "page", page, NULL);
  if (source) g_object_unref(source);
  if (!image) cvips_fail(error);
  vips_error_clear();
  return image;
}

static int32_t page_count(VipsImage *image) {
  int pages = 1;
  const char *loader = NULL;
  // What libvips counts as pages of a JPEG 2000 file are the picture's resolutions.
  if (vips_image_get_typeof(image, VIPS_META_LOADER) != 0 &&
      vips_image_get_string(image, VIPS_META_LOADER, &loader) == 0 &&
      g_str_has_prefix(loader, "jp2k"))
    return 1;
  if (vips_image_get_typeof(image, VIPS_META_N_PAGES) != 0)
    vips_image_get_int(image, VIPS_META_N_PAGES, &pages);
  return pages < 1 ? 1 : pages;
}

cvips_picture *cvips_open(const char *path, int32_t page, cvips_header *header, char **error) {
  if (cvips_start(error) != 0) return NULL;
  VipsImage *image = open_page(path, -1, error);
  if (!image) return NULL;
  header->pages = page_count(image);
  // Formats of one picture know no option "page".
  if (page >= 0 && header->pages > 1 && page < header->pages) {
    g_object_unref(image);
    image = open_page(path, page, error);
    if (!image) return NULL;
  }
  int orientation = vips_image_get_orientation(image);
  if (cvips_normalise(&image, header, error) != 0) {
    vips_error_clear();
    g_object_unref(image);
    return NULL;
  }
  bool turned = orientation >= 5;
  // 1 pixel per millimetre is libvips' default.
  bool known = image->Xres != 1 || image->Yres != 1;
  header->xres = !known ? 0 : turned ? image->Yres : image->Xres;
  header->yres = !known ? 0 : turned ? image->Xres : image->Yres;
  header->width = turned ? image->Ysize : image->Xsize;
  header->height = turned ? image->Xsize : image->Ysize;
  header->channels = image->Bands;
  header->bit_depth = image->BandFmt == VIPS_FORMAT_UCHAR ? 8 : 16;

  cvips_picture *picture = calloc(1, sizeof *picture);
  picture->opened = image;
  picture->orientation = orientation;
  return picture;
}

/// Whether the disk of a file is full. The text of a failure does not tell: libvips keeps one for
/// all threads, and what is in it may be another one's.
static bool is_disk_full(int descriptor) {
  struct statvfs status;
  return fstatvfs(descriptor, &status) == 0 && (uint64_t)status.f_bavail * status.f_frsize < 1 << 16;
}

/// Decodes into a file that has no name (any more), so that nothing is left behind by a crash.
/// `*no_room` tells whether it failed for want of it.
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

int cvips_decode(
    cvips_picture *picture, const char *scratch_folder, uint64_t memory_limit, char **error) {
  if (picture->decoded) return 0;
  VipsImage *image = picture->opened;
  VipsImage *flat = NULL;
  bool no_room = false;
  if (VIPS_IMAGE_SIZEOF_IMAGE(image) <= memory_limit) {
    flat = vips_image_copy_memory(image);
    if (!flat) cvips_fail(error);
  } else {
    flat = decode_to_file(image, scratch_folder, &no_room, error);
  }
  if (flat) {
    picture->decoded = oriented(flat, picture->orientation, error);
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

static cvips_blob blob(VipsImage *image, const char *name) {
  cvips_blob blob = {NULL, 0};
  if (vips_image_get_typeof(image, name) != 0 &&
      vips_image_get_blob(image, name, &blob.bytes, &blob.count) != 0) {
    vips_error_clear();
    blob = (cvips_blob){NULL, 0};
  }
  return blob;
}

/// Finds the XMP packet among the untyped blocks of a HEIF file ("heif-mime-1", ...).
static void *find_packet(VipsImage *image, const char *name, GValue *value, void *data) {
  (void)value;
  cvips_blob found = g_str_has_prefix(name, "heif-mime-") ? blob(image, name) : (cvips_blob){0};
  static const char *const starts[] = {"<?xpacket", "<x:xmpmeta", "<rdf:RDF"};
  for (size_t i = 0; found.bytes && i < 3; i++)
    if (found.count > strlen(starts[i]) && !memcmp(found.bytes, starts[i], strlen(starts[i]))) {
      *(cvips_blob *)data = found;
      return image;
    }
  return NULL;
}

cvips_metadata cvips_get_metadata(const cvips_picture *picture) {
  VipsImage *image = picture->opened;
  cvips_blob xmp = blob(image, VIPS_META_XMP_NAME);
  if (!xmp.bytes) vips_image_map(image, find_packet, &xmp);
  return (cvips_metadata){
    .icc = blob(image, VIPS_META_ICC_NAME),
    .exif = blob(image, VIPS_META_EXIF_NAME),
    .xmp = xmp,
    .iptc = blob(image, VIPS_META_IPTC_NAME),
  };
}

void cvips_close(cvips_picture *picture) {
  if (!picture) return;
  if (picture->decoded) g_object_unref(picture->decoded);
  g_object_unref(picture->opened);
  free(picture);
}
