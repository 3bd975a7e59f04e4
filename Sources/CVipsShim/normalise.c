#include <string.h>

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

/// Scales float samples to 16 bit, 1 being white. libvips would take them for linear light, but
/// those of a file with a profile are described by it, and those of a file without one are not
/// known to be linear.
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

/// Whether the picture has a profile of this colour space, such as "GRAY".
static bool has_profile(VipsImage *image, const char *space) {
  const void *bytes = NULL;
  size_t count = 0;
  return vips_image_get_typeof(image, VIPS_META_ICC_NAME) != 0 &&
         vips_image_get_blob(image, VIPS_META_ICC_NAME, &bytes, &count) == 0 && count >= 20 &&
         memcmp((const char *)bytes + 16, space, 4) == 0;
}

static bool is_heif(VipsImage *image) {
  const char *loader = NULL;
  return vips_image_get_typeof(image, VIPS_META_LOADER) != 0 &&
         vips_image_get_string(image, VIPS_META_LOADER, &loader) == 0 &&
         g_str_has_prefix(loader, "heif");
}

/// libheif decodes grey pictures to RGB; their profile, if any, is one of grey samples.
static int restore_grey(VipsImage **image, char **error) {
  VipsImage *grey = NULL, *alpha = NULL, *joined = NULL, *next = NULL;
  bool wide = (*image)->BandFmt != VIPS_FORMAT_UCHAR, has_alpha = (*image)->Bands == 4;
  int status = -1;
  if (vips_extract_band(*image, &grey, 0, NULL) == 0 &&
      (!has_alpha || (vips_extract_band(*image, &alpha, 3, NULL) == 0 &&
                      vips_bandjoin2(grey, alpha, &joined, NULL) == 0)) &&
      vips_copy(has_alpha ? joined : grey, &next, "interpretation",
                wide ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W, NULL) == 0)
    status = 0;
  if (grey) g_object_unref(grey);
  if (alpha) g_object_unref(alpha);
  if (joined) g_object_unref(joined);
  if (status != 0) return cvips_fail(error);
  replace(image, next);
  return 0;
}

/// CIELAB to sRGB. Files store it relative to D50, as profiles do; libvips takes it for relative to
/// D65.
static int convert_lab(VipsImage **image, VipsInterpretation target, char **error) {
  static const double bradford[3][3] = {  // D50 to D65
    {0.9555766, -0.0230393, 0.0631636},
    {-0.0282895, 1.0099416, 0.0210077},
    {0.0122982, -0.0204830, 1.3299098},
  };
  static const double d50[3] = {96.4250, 100, 82.4680};
  VipsImage *lab = NULL, *matrix = NULL, *steps[4] = {NULL};
  if (vips_colourspace(*image, &lab, VIPS_INTERPRETATION_LAB, NULL) != 0) return cvips_fail(error);
  // Alpha, after the colours, stays unchanged.
  double adaptation[25] = {0};
  int bands = vips_image_get_bands(lab), status = -1;
  if (bands <= 5) {
    for (int i = 0; i < bands; i++)
      for (int j = 0; j < bands; j++)
        adaptation[i * bands + j] = i < 3 && j < 3 ? bradford[i][j] : i == j ? 1 : 0;
    matrix = vips_image_new_matrix_from_array(bands, bands, adaptation, bands * bands);
  }
  VipsArrayDouble *white = vips_array_double_new(d50, 3);
  if (matrix && vips_Lab2XYZ(lab, &steps[0], "temp", white, NULL) == 0 &&
      vips_recomb(steps[0], &steps[1], matrix, NULL) == 0 &&
      vips_copy(steps[1], &steps[2], "interpretation", VIPS_INTERPRETATION_XYZ, NULL) == 0 &&
      vips_colourspace(steps[2], &steps[3], target, NULL) == 0)
    status = 0;
  g_object_unref(lab);
  for (int i = 0; i < 3; i++)
    if (steps[i]) g_object_unref(steps[i]);
  if (matrix) g_object_unref(matrix);
  vips_area_unref(VIPS_AREA(white));
  if (status != 0) return cvips_fail(error);
  replace(image, steps[3]);
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
      space != VIPS_INTERPRETATION_LABS && space != VIPS_INTERPRETATION_scRGB) {
    header->failure = CVIPS_UNSUPPORTED;
    return cvips_fail_with(error, "neither grey, RGB, CMYK nor Lab (%d channels)",
                           vips_image_get_bands(*image));
  }

  if (space == VIPS_INTERPRETATION_CMYK) {
    // libvips ignores a profile without the requested intent; some profiles have only one.
    if (vips_icc_transform(*image, &next, "srgb", "embedded", TRUE, "input_profile", "cmyk",
                           "intent", cvips_input_intent(*image), "depth", wide ? 16 : 8,
                           NULL) != 0)
      return cvips_fail(error);
    replace(image, next);
    header->converted = true;
  } else if (!is_grey(space) && !is_rgb(space)) {
    VipsInterpretation target = wide ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB;
    bool is_lab = space == VIPS_INTERPRETATION_LAB || space == VIPS_INTERPRETATION_LABS ||
                  space == VIPS_INTERPRETATION_LABQ;
    if (is_lab) {
      if (convert_lab(image, target, error) != 0) return -1;
    } else {
      if (vips_colourspace(*image, &next, target, NULL) != 0) return cvips_fail(error);
      replace(image, next);
    }
    header->converted = true;
  }
  format = vips_image_get_format(*image);
  if (format != VIPS_FORMAT_UCHAR && format != VIPS_FORMAT_USHORT) {
    header->failure = CVIPS_UNSUPPORTED;
    return cvips_fail_with(error, "samples are of type %s; only 8 and 16 bit are supported",
                           vips_enum_nick(VIPS_TYPE_BAND_FORMAT, format));
  }

  int bands = vips_image_get_bands(*image);
  int colours = is_grey(vips_image_guess_interpretation(*image)) ? 1 : 3;
  if (bands < colours) colours = 1;
  int wanted = bands > colours ? colours + 1 : colours;
  if (bands > wanted) {
    if (vips_extract_band(*image, &next, 0, "n", wanted, NULL) != 0) return cvips_fail(error);
    replace(image, next);
  }
  if (bands >= 3 && is_heif(*image) && has_profile(*image, "GRAY")) {
    if (restore_grey(image, error) != 0) return -1;
    wanted -= 2;
  }
  if (header->premultiplied && wanted % 2 == 0 && unpremultiply(image, error) != 0) return -1;
  return 0;
}
