#include "internal.h"

static bool is_grey(VipsInterpretation space) {
  return space == VIPS_INTERPRETATION_B_W || space == VIPS_INTERPRETATION_GREY16;
}

static bool is_rgb(VipsInterpretation space) {
  return space == VIPS_INTERPRETATION_sRGB || space == VIPS_INTERPRETATION_RGB ||
         space == VIPS_INTERPRETATION_RGB16;
}

/// Takes ownership of the image and replaces it: *image = next.
static void replace(VipsImage **image, VipsImage *next) {
  g_object_unref(*image);
  *image = next;
}

/// Float samples become 16 bit as they are, 1 white: those of a file with a profile are its
/// profile's, those of one without cannot be told to be linear light, as libvips takes them to be.
static int scale_floats(VipsImage **image, char **error) {
  VipsImage *scaled = NULL, *whole = NULL, *next = NULL;
  VipsInterpretation space = vips_image_get_bands(*image) < 3 ? VIPS_INTERPRETATION_GREY16
                                                              : VIPS_INTERPRETATION_RGB16;
  int status = -1;
  if (vips_linear1(*image, &scaled, 65535, 0.5, NULL) == 0 &&
      vips_cast(scaled, &whole, VIPS_FORMAT_USHORT, NULL) == 0 &&
      vips_copy(whole, &next, "interpretation", space, NULL) == 0)
    status = 0;
  if (scaled) g_object_unref(scaled);
  if (whole) g_object_unref(whole);
  if (status != 0) return cvips_fail(error);
  replace(image, next);
  return 0;
}

/// Divides colours by alpha.
static int unpremultiply(VipsImage **image, char **error) {
  VipsImage *straight = NULL, *rounded = NULL, *whole = NULL, *next = NULL;
  VipsBandFormat format = (*image)->BandFmt;
  int status = -1;
  if (vips_unpremultiply(*image, &straight, "max_alpha",
                         format == VIPS_FORMAT_UCHAR ? 255.0 : 65535.0, NULL) == 0 &&
      vips_rint(straight, &rounded, NULL) == 0 && vips_cast(rounded, &whole, format, NULL) == 0 &&
      vips_copy(whole, &next, "interpretation", (*image)->Type, NULL) == 0)
    status = 0;
  if (straight) g_object_unref(straight);
  if (rounded) g_object_unref(rounded);
  if (whole) g_object_unref(whole);
  if (status != 0) return cvips_fail(error);
  replace(image, next);
  return 0;
}

int cvips_normalise(VipsImage **image, cvips_header *header, char **error) {
  VipsImage *next = NULL;
  header->from_float = vips_image_get_coding(*image) == VIPS_CODING_NONE &&
                       vips_band_format_isfloat(vips_image_get_format(*image)) &&
                       !vips_band_format_iscomplex(vips_image_get_format(*image)) &&
                       vips_image_guess_interpretation(*image) != VIPS_INTERPRETATION_LAB &&
                       vips_image_guess_interpretation(*image) != VIPS_INTERPRETATION_CMYK &&
                       vips_image_get_bands(*image) <= 4;
  if (header->from_float && scale_floats(image, error) != 0) return -1;
  VipsInterpretation space = vips_image_guess_interpretation(*image);
  VipsBandFormat format = vips_image_get_format(*image);
  bool wide = format != VIPS_FORMAT_UCHAR || space == VIPS_INTERPRETATION_LABS;
  header->converted = false;

  if (vips_image_get_coding(*image) == VIPS_CODING_NONE && !is_grey(space) && !is_rgb(space) &&
      space != VIPS_INTERPRETATION_CMYK && space != VIPS_INTERPRETATION_LAB &&
      space != VIPS_INTERPRETATION_LABS && space != VIPS_INTERPRETATION_scRGB)
    return cvips_fail_with(error, "neither grey, RGB, CMYK nor Lab (%d channels)",
                           vips_image_get_bands(*image));

  if (space == VIPS_INTERPRETATION_CMYK) {
    if (vips_icc_transform(*image, &next, "srgb", "embedded", TRUE, "input_profile", "cmyk",
                           "depth", wide ? 16 : 8, NULL) != 0)
      return cvips_fail(error);
    replace(image, next);
    header->converted = true;
  } else if (!is_grey(space) && !is_rgb(space)) {
    VipsInterpretation target = wide ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB;
    if (vips_colourspace(*image, &next, target, NULL) != 0) return cvips_fail(error);
    replace(image, next);
    header->converted = true;
  }
  format = vips_image_get_format(*image);
  if (format != VIPS_FORMAT_UCHAR && format != VIPS_FORMAT_USHORT)
    return cvips_fail_with(error, "samples are of type %s; only 8 and 16 bit are supported",
                           vips_enum_nick(VIPS_TYPE_BAND_FORMAT, format));

  int bands = vips_image_get_bands(*image);
  int colours = is_grey(vips_image_guess_interpretation(*image)) ? 1 : 3;
  if (bands < colours) colours = 1;
  int wanted = bands > colours ? colours + 1 : colours;
  if (bands > wanted) {
    if (vips_extract_band(*image, &next, 0, "n", wanted, NULL) != 0) return cvips_fail(error);
    replace(image, next);
  }
  if (header->premultiplied && wanted % 2 == 0 && unpremultiply(image, error) != 0) return -1;
  return 0;
}
