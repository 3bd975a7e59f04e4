#include <math.h>
#include <stdlib.h>

#include "picture.h"

/// If an operation has succeeded, takes ownership of the image and replaces it.
static int replace(VipsImage **image, int status, VipsImage *const *next) {
  if (status != 0) return -1;
  g_object_unref(*image);
  *image = *next;
  return 0;
}

/// The part of the stored picture that corresponds to `part` of the upright one.
static VipsRect stored(VipsRect part, int orientation, int width, int height) {
  // In EXIF's order: mirrored, rotated by 180°, flipped, then the same transposed.
  int right = width - part.left - part.width, bottom = height - part.top - part.height;
  VipsRect upright = {part.left, part.top, part.width, part.height};
  switch (orientation) {
    case 2: return (VipsRect){right, part.top, part.width, part.height};
    case 3: return (VipsRect){right, bottom, part.width, part.height};
    case 4: return (VipsRect){part.left, bottom, part.width, part.height};
    case 5: return (VipsRect){part.top, part.left, part.height, part.width};
    case 6: return (VipsRect){part.top, right, part.height, part.width};
    case 7: return (VipsRect){bottom, right, part.height, part.width};
    case 8: return (VipsRect){bottom, part.left, part.height, part.width};
    default: return upright;
  }
}

/// JPEG files are decoded at a half, a quarter or an eighth of their size, WebP files at any size.
/// Damaged files are displayed as far as possible.
static void shrink_while_loading(cvips_picture *picture, double factor) {
  VipsSource *source = vips_source_new_from_file(picture->path);
  const char *loader = source ? vips_foreign_find_load_source(source) : NULL;
  VipsImage *image = NULL;
  if (picture->is_jpeg) {
    int shrink = factor >= 8 ? 8 : factor >= 4 ? 4 : factor >= 2 ? 2 : 1;
    vips_jpegload_source(source, &image, "shrink", shrink, "access", VIPS_ACCESS_SEQUENTIAL,
                         "fail_on", VIPS_FAIL_ON_NONE, NULL);
  } else if (loader && g_str_has_prefix(loader, "VipsForeignLoadWebp") && picture->page < 0) {
    vips_webpload_source(source, &image, "scale", 1 / factor, "access", VIPS_ACCESS_SEQUENTIAL,
                         "fail_on", VIPS_FAIL_ON_NONE, NULL);
  }
  if (source) g_object_unref(source);
  cvips_header header = {0};
  char *error = NULL;
  if (image && cvips_normalise(&image, &header, &error) == 0) {
    g_object_unref(picture->opened);
    picture->opened = image;
  } else if (image) {
    g_object_unref(image);
  }
  free(error);
  vips_error_clear();
}

/// Resizes with premultiplied alpha, so that colours of transparent pixels do not spread.
static int resize(VipsImage **image, int width, int height) {
  VipsImage *next = NULL;
  if ((*image)->Xsize == width && (*image)->Ysize == height) return 0;
  VipsBandFormat format = (*image)->BandFmt;
  double opaque = format == VIPS_FORMAT_UCHAR ? 255 : 65535;
  bool has_alpha = (*image)->Bands % 2 == 0;
  if (has_alpha &&
      replace(image, vips_premultiply(*image, &next, "max_alpha", opaque, NULL), &next) != 0)
    return -1;
  double across = (double)width / (*image)->Xsize, down = (double)height / (*image)->Ysize;
  if (replace(image, vips_resize(*image, &next, across, "vscale", down, NULL), &next) != 0)
    return -1;
  if (!has_alpha) return 0;
  if (replace(image, vips_unpremultiply(*image, &next, "max_alpha", opaque, NULL), &next) != 0 ||
      replace(image, vips_rint(*image, &next, NULL), &next) != 0)
    return -1;
  return replace(image, vips_cast(*image, &next, format, NULL), &next);
}

/// Converts grey or RGB without alpha to 8-bit sRGB; an unusable profile is ignored.
static int convert_colours(VipsImage **image, cvips_blob icc) {
  VipsImage *next = NULL;
  bool grey = (*image)->Bands < 3;
  if (icc.count > 0 && cvips_is_usable_profile(icc, grey) &&
      vips_icc_transform(*image, &next, "srgb", "embedded", TRUE, "intent",
                         cvips_input_intent(*image), "depth", 8, NULL) == 0)
    return replace(image, 0, &next);
  vips_error_clear();
  VipsInterpretation space = grey ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB;
  return replace(image, vips_colourspace(*image, &next, space, NULL), &next);
}

static int convert(VipsImage **image, cvips_blob icc) {
  int colours = (*image)->Bands < 3 ? 1 : 3;
  bool wide = (*image)->BandFmt != VIPS_FORMAT_UCHAR, has_alpha = (*image)->Bands > colours;
  if (!has_alpha) return convert_colours(image, icc);
  if (!wide && icc.count == 0) return 0;
  // Read twice, for colours and for alpha.
  VipsImage *both = vips_image_copy_memory(*image), *colour = NULL, *alpha = NULL, *next = NULL;
  int status = both ? vips_extract_band(both, &colour, 0, "n", colours, NULL) : -1;
  if (status == 0) status = convert_colours(&colour, icc);
  if (status == 0) status = vips_extract_band(both, &alpha, colours, NULL);
  if (status == 0 && wide)
    status = replace(
      &alpha, vips_linear1(alpha, &next, 1 / 257.0, 0.5, "uchar", TRUE, NULL), &next);
  next = NULL;
  if (status == 0) status = vips_bandjoin2(colour, alpha, &next, NULL);
  if (both) g_object_unref(both);
  if (colour) g_object_unref(colour);
  if (alpha) g_object_unref(alpha);
  return replace(image, status, &next);
}

static int turn(VipsImage **image, int orientation) {
  if (orientation <= 1) return 0;
  VipsImage *next = vips_image_copy_memory(*image);
  if (replace(image, next ? 0 : -1, &next) != 0) return -1;
  VipsImage *copy = NULL;
  if (replace(image, vips_copy(*image, &copy, NULL), &copy) != 0) return -1;
  vips_image_set_int(*image, VIPS_META_ORIENTATION, orientation);
  return replace(image, vips_autorot(*image, &next, NULL), &next);
}

static int reduce(
    cvips_picture *picture, cvips_reduction r, cvips_blob icc, VipsImage **image) {
  bool turned = picture->orientation >= 5, is_part = r.from_width > 0;
  int width = turned ? r.height : r.width, height = turned ? r.width : r.height;
  VipsImage *opened = picture->opened, *next = NULL;
  if (!is_part)
    shrink_while_loading(picture, fmin((double)opened->Xsize / width, (double)opened->Ysize / height));
  opened = picture->opened;
  bool grey = opened->Bands < 3, wide = opened->BandFmt != VIPS_FORMAT_UCHAR;
  VipsInterpretation space = grey ? (wide ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W)
                                  : (wide ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB);
  if (vips_copy(opened, image, "interpretation", space, NULL) != 0) return -1;
  vips_image_remove(*image, VIPS_META_ICC_NAME);
  vips_image_remove(*image, VIPS_META_ORIENTATION);
  if (icc.count > 0) vips_image_set_blob_copy(*image, VIPS_META_ICC_NAME, icc.bytes, icc.count);
  if (is_part) {
    int w = turned ? opened->Ysize : opened->Xsize, h = turned ? opened->Xsize : opened->Ysize;
    VipsRect part = {r.x, r.y, r.from_width, r.from_height};
    part = stored(part, picture->orientation, w, h);
    if (replace(image,
                vips_extract_area(
                  *image, &next, part.left, part.top, part.width, part.height, NULL),
                &next) != 0)
      return -1;
  }
  if (resize(image, width, height) != 0 || convert(image, icc) != 0) return -1;
  return turn(image, picture->orientation);
}

int cvips_reduce(
    cvips_picture *picture, cvips_reduction reduction, cvips_blob icc, const char *path,
    char **error) {
  VipsImage *image = NULL;
  int status = reduce(picture, reduction, icc, &image);
  // sRGB is the default of viewers.
  if (status == 0) vips_image_remove(image, VIPS_META_ICC_NAME);
  if (status == 0)
    status = vips_webpsave(
      image, path, "Q", reduction.quality, "effort", 2, "strip", TRUE, NULL);
  if (image) g_object_unref(image);
  if (status != 0) cvips_fail(error);
  vips_error_clear();
  return status;
}
