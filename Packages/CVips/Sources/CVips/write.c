#include <stdio.h>
#include <string.h>

#include "internal.h"

/// Copies one parsed EXIF field ("exif-ifd0-Make", ...) to the image given as data.
static void *copy_exif_field(VipsImage *from, const char *name, GValue *value, void *data) {
  (void)from;
  if (g_str_has_prefix(name, "exif-")) vips_image_set((VipsImage *)data, name, value);
  return NULL;
}

/// Attaches an EXIF block with its parsed fields: libvips drops the tags of a block that has no
/// fields beside it. Its parser runs while a JPEG file is read, so a 1x1 JPEG takes the block
/// through it.
static void attach_exif(VipsImage *image, cvips_blob exif) {
  static const char prefix[6] = "Exif\0\0";
  bool prefixed = exif.count >= 6 && memcmp(exif.bytes, prefix, 6) == 0;
  size_t payload = exif.count + (prefixed ? 0 : 6);
  if (exif.count < 8 || payload + 2 > 65535) return;

  VipsImage *pixel = NULL, *parsed = NULL;
  void *jpeg = NULL;
  size_t length = 0;
  if (vips_black(&pixel, 1, 1, NULL) == 0 &&
      vips_jpegsave_buffer(pixel, &jpeg, &length, NULL) == 0) {
    size_t total = length + 4 + payload;
    unsigned char *joined = g_malloc(total), *end = joined;
    const unsigned char marker[6] = {0xff, 0xd8, 0xff, 0xe1, (unsigned char)((payload + 2) >> 8),
                                     (unsigned char)((payload + 2) & 0xff)};
    memcpy(end, marker, 6), end += 6;
    if (!prefixed) memcpy(end, prefix, 6), end += 6;
    memcpy(end, exif.bytes, exif.count), end += exif.count;
    memcpy(end, (unsigned char *)jpeg + 2, length - 2);
    if (vips_jpegload_buffer(joined, total, &parsed, NULL) == 0) {
      vips_image_map(parsed, copy_exif_field, image);
      vips_image_remove(image, "exif-ifd0-Orientation");
      g_object_unref(parsed);
    }
    g_free(joined);
  }
  if (jpeg) g_free(jpeg);
  if (pixel) g_object_unref(pixel);
  vips_error_clear();
}

static void attach(VipsImage *image, const char *name, cvips_blob blob) {
  if (blob.count > 0) vips_image_set_blob_copy(image, name, blob.bytes, blob.count);
}

static int save(VipsImage *image, cvips_header header, cvips_encoding e, const char *path) {
  switch (e.format) {
    case CVIPS_JPEG:
      // Optimal Huffman tables take a second pass over coefficients kept in memory, 6 bytes
      // a pixel.
      return vips_jpegsave(image, path, "Q", e.quality, "optimize_coding",
                           (int64_t)header.width * header.height <= 16 << 20, "interlace",
                           e.progressive, NULL);
    case CVIPS_PNG: {
      // Photos deflate to a third less, and sooner, as differences to the row above. What the best
      // of all predictions per row saves beside is dear.
      static const int levels[] = {0, 1, 1, 1, 2, 3, 4, 6, 7, 9};
      return vips_pngsave(image, path, "compression", levels[e.effort], "filter",
                          e.effort < 7 ? VIPS_FOREIGN_PNG_FILTER_UP : VIPS_FOREIGN_PNG_FILTER_ALL,
                          "interlace", e.progressive, NULL);
    }
    case CVIPS_WEBP:
      return vips_webpsave(image, path, "Q", e.quality, "lossless", e.lossless, "effort",
                           e.effort * 6 / 9, NULL);
    case CVIPS_TIFF:
      return vips_tiffsave(image, path, "compression", VIPS_FOREIGN_TIFF_COMPRESSION_DEFLATE,
                           "predictor", VIPS_FOREIGN_TIFF_PREDICTOR_HORIZONTAL, "bigtiff",
                           VIPS_IMAGE_SIZEOF_IMAGE(image) > 3000000000ull, NULL);
    case CVIPS_AVIF:
      return vips_heifsave(image, path, "Q", e.quality, "lossless", e.lossless, "compression",
                           VIPS_FOREIGN_HEIF_COMPRESSION_AV1, "bitdepth",
                           header.bit_depth == 16 ? 12 : 8, "effort", e.effort, NULL);
    case CVIPS_JXL:
      return vips_jxlsave(image, path, "Q", e.quality, "lossless", e.lossless, "effort",
                          e.effort < 3 ? 3 : e.effort, NULL);
  }
  return -1;
}

int cvips_encode(
    const void *samples, int descriptor, cvips_header header, cvips_encoding encoding,
    cvips_metadata metadata, const char *path, char **error) {
  if (cvips_start(error) != 0) return -1;
  if (encoding.format == CVIPS_AVIF || encoding.format == CVIPS_JXL) cvips_load_modules();
  bool wide = header.bit_depth == 16, grey = header.channels <= 2;
  VipsBandFormat format = wide ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR;
  VipsInterpretation space = grey ? (wide ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W)
                                  : (wide ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB);
  VipsImage *raw = NULL, *image = NULL;
  if (samples) {
    size_t count = (size_t)header.width * header.height * header.channels * (wide ? 2 : 1);
    raw = vips_image_new_from_memory(samples, count, header.width, header.height, header.channels,
                                     format);
  } else {
    char name[32];
    snprintf(name, sizeof name, "/dev/fd/%d", descriptor);
    if (vips_rawload(name, &raw, header.width, header.height, header.channels, "format", format,
                     NULL) != 0)
      raw = NULL;
  }
  int status = raw ? vips_copy(raw, &image, "interpretation", space, NULL) : -1;
  if (raw) g_object_unref(raw);
  if (status == 0) {
    attach(image, VIPS_META_ICC_NAME, metadata.icc);
    attach(image, VIPS_META_EXIF_NAME, metadata.exif);
    // libvips makes up an AVIF file's EXIF data; 72 per inch is EXIF's word for unknown.
    image->Xres = header.xres > 0 ? header.xres : 72 / 25.4;
    image->Yres = header.yres > 0 ? header.yres : 72 / 25.4;
    vips_image_set_string(image, VIPS_META_RESOLUTION_UNIT, "in");
    attach(image, VIPS_META_XMP_NAME, metadata.xmp);
    if (metadata.exif.count > 0) attach_exif(image, metadata.exif);
    vips_image_set_int(image, VIPS_META_ORIENTATION, 1);
    status = save(image, header, encoding, path);
  }
  if (image) g_object_unref(image);
  if (status != 0) cvips_fail(error);
  vips_error_clear();
  return status;
}
