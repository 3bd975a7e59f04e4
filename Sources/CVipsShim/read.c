#include <stdlib.h>
#include <string.h>

#include "picture.h"

/// Whether one of the enabled readers recognises the contents. Checked in advance, because libvips
/// has one error message for all threads: after a failure it may contain another thread's text.
static bool is_known(VipsSource *source) {
  const char *reader = vips_foreign_find_load_source(source);
  gpointer class = reader ? g_type_class_ref(g_type_from_name(reader)) : NULL;
  if (!class) return false;
  bool known = !(VIPS_OPERATION_CLASS(class)->flags & VIPS_OPERATION_BLOCKED);
  g_type_class_unref(class);
  return known;
}

static void free_bytes(gpointer bytes) { g_byte_array_unref(bytes); }

/// The JPEG file with the missing end marker appended.
static VipsImage *open_with_end(const char *path) {
  gchar *contents = NULL;
  gsize count = 0;
  if (!g_file_get_contents(path, &contents, &count, NULL)) return NULL;
  GByteArray *bytes = g_byte_array_new_take((guint8 *)contents, count);
  g_byte_array_append(bytes, (const guint8 *)"\xff\xd9", 2);
  VipsImage *image = NULL;
  if (vips_jpegload_buffer(bytes->data, bytes->len, &image, "access", VIPS_ACCESS_SEQUENTIAL,
                           "fail_on", VIPS_FAIL_ON_ERROR, NULL) != 0) {
    g_byte_array_unref(bytes);
    return NULL;
  }
  g_object_set_data_full(G_OBJECT(image), "nsarm-bytes", bytes, free_bytes);
  return image;
}

/// Whether a file's first brand is a video's or an animation's, which libvips does not recognise;
/// libheif reads the still picture that such a file may contain.
static bool is_heif_sequence(const unsigned char *start, gint64 count) {
  static const char *const brands[] = {"avis", "hevc", "hevx", "msf1"};
  for (size_t i = 0; count >= 12 && i < sizeof brands / sizeof *brands; i++)
    if (memcmp(start + 4, "ftyp", 4) == 0 && memcmp(start + 8, brands[i], 4) == 0) return true;
  return false;
}

static VipsImage *open_heif(const char *path, int32_t page) {
  VipsImage *image = NULL;
  vips_heifload(path, &image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR,
                "page", page < 0 ? 0 : page, NULL);
  return image;
}

static VipsImage *open_source(VipsSource *source, int32_t page) {
  return page < 0 ? vips_image_new_from_source(source, "", "access", VIPS_ACCESS_SEQUENTIAL,
                                               "fail_on", VIPS_FAIL_ON_ERROR, NULL)
                  : vips_image_new_from_source(source, "", "access", VIPS_ACCESS_SEQUENTIAL,
                                               "fail_on", VIPS_FAIL_ON_ERROR, "page", page, NULL);
}

VipsImage *cvips_open_page(cvips_picture *picture, cvips_header *header, char **error) {
  VipsSource *source = vips_source_new_from_file(picture->path);
  unsigned char *start = NULL;
  gint64 count = source ? vips_source_sniff_at_most(source, &start, 26) : 0;
  static const unsigned char icon[4] = {0, 0, 1, 0}, jpeg[3] = {0xff, 0xd8, 0xff};
  if (count > 0 && cvips_is_bmp(start, (size_t)count)) {
    g_object_unref(source);
    return cvips_bmp_open(picture->path, header, error);
  }
  if (count >= 4 && memcmp(start, icon, 4) == 0) {
    header->failure = CVIPS_UNSUPPORTED;
    cvips_fail_with(error, "ICO files are not supported; convert it to PNG");
    g_object_unref(source);
    return NULL;
  }
  picture->is_jpeg = count >= 3 && memcmp(start, jpeg, 3) == 0;
  bool is_sequence = is_heif_sequence(start, count);
  picture->is_pfm = count >= 2 && start[0] == 'P' && (start[1] == 'F' || start[1] == 'f');
  if (source && (is_sequence || !is_known(source))) cvips_load_modules();
  if (source && !is_sequence && !is_known(source)) {
    header->failure = CVIPS_UNKNOWN_FORMAT;
    cvips_fail_with(error, "its contents are not in a known picture format");
    vips_error_clear();
    g_object_unref(source);
    return NULL;
  }
  VipsImage *image = !source              ? NULL
                     : is_sequence        ? open_heif(picture->path, picture->page)
                     : picture->lacks_end ? open_with_end(picture->path)
                                          : open_source(source, picture->page);
  if (source) g_object_unref(source);
  if (!image) cvips_fail(error);
  vips_error_clear();
  return image;
}

static bool is_loaded_by(VipsImage *image, const char *prefix) {
  const char *loader = NULL;
  return vips_image_get_typeof(image, VIPS_META_LOADER) != 0 &&
         vips_image_get_string(image, VIPS_META_LOADER, &loader) == 0 &&
         g_str_has_prefix(loader, prefix);
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

static int32_t page_count(VipsImage *image) {
  int pages = 1;
  // libvips counts the resolutions of a JPEG 2000 picture as pages.
  if (is_loaded_by(image, "jp2k")) return 1;
  if (vips_image_get_typeof(image, VIPS_META_N_PAGES) != 0)
    vips_image_get_int(image, VIPS_META_N_PAGES, &pages);
  return pages < 1 ? 1 : pages;
}

static void describe(cvips_picture *picture, cvips_header *header) {
  VipsImage *image = picture->opened;
  bool turned = picture->orientation >= 5;
  header->width = turned ? image->Ysize : image->Xsize;
  header->height = turned ? image->Xsize : image->Ysize;
  // 1 pixel per millimetre is libvips' default for unknown densities.
  bool known = image->Xres != 1 || image->Yres != 1;
  header->xres = !known ? 0 : turned ? image->Yres : image->Xres;
  header->yres = !known ? 0 : turned ? image->Xres : image->Yres;
  header->channels = image->Bands;
  header->bit_depth = image->BandFmt == VIPS_FORMAT_UCHAR ? 8 : 16;
  header->orientation = picture->orientation;
}

/// Reads what libvips does not report, and opens the requested page.
static int read_facts(
    cvips_picture *picture, int32_t page, cvips_header *header, char **error) {
  const char *path = picture->path;
  header->pages = page_count(picture->opened);
  bool is_jxl = is_loaded_by(picture->opened, "jxl"), is_png = is_loaded_by(picture->opened, "png");
  bool loses_colours = false;
  if (is_jxl && cvips_read_jxl(path, picture->opened, header, &loses_colours, error) != 0)
    return -1;
  // Otherwise the frames are counted with the other chunks.
  if (is_png && page >= 0) header->pages = cvips_apng_count(path);
  // libvips reads the last frame of an animation.
  if (is_jxl && page < 0 && (header->pages > 1 || loses_colours)) page = 0;
  // Formats with a single picture do not have the option "page".
  if (page >= 0 && (header->pages > 1 || loses_colours) && page < header->pages) {
    picture->page = page;
    VipsImage *opened = is_jxl   ? cvips_jxl_frame(path, page, error)
                        : is_png ? cvips_apng_frame(path, page, error)
                                 : cvips_open_page(picture, header, error);
    if (!opened) return -1;
    if (is_jxl) {
      header->premultiplied = false;
      cvips_copy_jxl_blocks(picture->opened, opened);
    }
    g_object_unref(picture->opened);
    picture->opened = opened;
  }
  if (!is_loaded_by(picture->opened, "heif")) return 0;
  return cvips_read_heif(path, picture->page, header, error);
}

cvips_picture *cvips_open(const char *path, int32_t page, cvips_header *header, char **error) {
  if (cvips_start(error) != 0) return NULL;
  cvips_picture *picture = calloc(1, sizeof *picture);
  picture->path = strdup(path);
  picture->page = -1;
  picture->opened = cvips_open_page(picture, header, error);
  if (!picture->opened || read_facts(picture, page, header, error) != 0) {
    vips_error_clear();
    cvips_close(picture);
    return NULL;
  }
  // PFM files store the rows bottom-up; libvips does not flip them.
  picture->orientation = picture->is_pfm ? 4 : vips_image_get_orientation(picture->opened);
  if (cvips_normalise(&picture->opened, header, error) != 0) {
    vips_error_clear();
    cvips_close(picture);
    return NULL;
  }
  describe(picture, header);
  return picture;
}

void cvips_set_orientation(cvips_picture *picture, int32_t orientation, cvips_header *header) {
  if (orientation >= 1 && orientation <= 8) picture->orientation = orientation;
  describe(picture, header);
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
  if (picture->opened) g_object_unref(picture->opened);
  free(picture->path);
  free(picture);
}
