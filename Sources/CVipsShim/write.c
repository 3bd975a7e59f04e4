#include <stdio.h>
#include <string.h>

#include "internal.h"

static void attach(VipsImage *image, const char *name, cvips_blob blob) {
  if (blob.count > 0) vips_image_set_blob_copy(image, name, blob.bytes, blob.count);
}

/// Converts samples with a profile to sRGB, without a profile.
static int convert_to_srgb(VipsImage **image) {
  VipsImage *converted = NULL;
  if (vips_icc_transform(*image, &converted, "srgb", "embedded", TRUE, NULL) != 0) return -1;
  vips_image_remove(converted, VIPS_META_ICC_NAME);
  g_object_unref(*image);
  *image = converted;
  return 0;
}

static int save(VipsImage *image, cvips_header header, cvips_encoding e, const char *path) {
  switch (e.format) {
    case CVIPS_JPEG:
      // Optimised Huffman tables need a second pass over the coefficients, which are kept in
      // memory: 6 bytes per pixel.
      return vips_jpegsave(image, path, "Q", e.quality, "optimize_coding",
                           (int64_t)header.width * header.height <= 16 << 20, "interlace",
                           e.progressive, NULL);
    case CVIPS_PNG: {
      // The "up" filter makes photos a third smaller and faster to compress; choosing the best
      // filter for each row saves little more and is slow.
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
    case CVIPS_AVIF: break;  // cvips_encode_avif
    case CVIPS_JXL:
      // Below 5, libvips 8.14 requests a distance that libjxl rejects in favour of its default.
      return vips_jxlsave(image, path, "Q", e.quality < 5 ? 5 : e.quality, "lossless", e.lossless,
                          "effort", e.effort < 3 ? 3 : e.effort, NULL);
  }
  return -1;
}

int cvips_encode(
    const void *samples, int descriptor, cvips_header header, cvips_encoding encoding,
    cvips_metadata metadata, const char *path, char **error) {
  if (cvips_start(error) != 0) return -1;
  if (encoding.format == CVIPS_AVIF)
    return cvips_encode_avif(samples, descriptor, header, encoding, metadata, path, error);
  if (encoding.format == CVIPS_JXL) cvips_load_modules();
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
    image->Xres = header.xres > 0 ? header.xres : 1;
    image->Yres = header.yres > 0 ? header.yres : 1;
    vips_image_set_string(image, VIPS_META_RESOLUTION_UNIT, "in");
    attach(image, VIPS_META_XMP_NAME, metadata.xmp);
    vips_image_set_int(image, VIPS_META_ORIENTATION, 1);
    // WebP has no grey, so a grey profile would not match the samples.
    if (encoding.format == CVIPS_WEBP && grey && metadata.icc.count > 0)
      status = convert_to_srgb(&image);
    if (status == 0) status = save(image, header, encoding, path);
  }
  if (image) g_object_unref(image);
  if (status != 0) cvips_fail(error);
  vips_error_clear();
  return status;
}
