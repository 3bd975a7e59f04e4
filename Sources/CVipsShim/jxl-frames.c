// JPEG XL through libjxl itself: frames of animations, of which libvips reads the last, and
// pictures whose colours libvips would lose.

#include <string.h>

#include "jxl.h"

#define PIXEL_LIMIT (UINT64_C(1) << 28)

static bool is_wide(const JxlBasicInfo *info) {
  return info->bits_per_sample > 8 || info->exponent_bits_per_sample > 0;
}

/// An image to decode to: grey or RGB, with alpha if the file has it, of 8 or 16 bit.
static VipsImage *make_image(
    const JxlBasicInfo *info, bool wide, JxlPixelFormat *format, char **error) {
  bool grey = info->num_color_channels == 1;
  if ((uint64_t)info->xsize * info->ysize > PIXEL_LIMIT) {
    cvips_fail_with(error, "a frame of %ux%u pixels is too large", info->xsize, info->ysize);
    return NULL;
  }
  *format = (JxlPixelFormat){
    .num_channels = info->num_color_channels + (info->alpha_bits > 0 ? 1 : 0),
    .data_type = wide ? JXL_TYPE_UINT16 : JXL_TYPE_UINT8,
    .endianness = JXL_NATIVE_ENDIAN,
  };
  VipsInterpretation space = grey ? (wide ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W)
                                  : (wide ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB);
  VipsImage *image = vips_image_new_memory();
  vips_image_init_fields(image, (int)info->xsize, (int)info->ysize, (int)format->num_channels,
                         wide ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR, VIPS_CODING_NONE, space, 1,
                         1);
  if (vips_image_write_prepare(image) == 0) return image;
  cvips_fail(error);
  g_object_unref(image);
  return NULL;
}

/// Attaches the profile of the decoded samples, or the one that the file names.
static void attach_profile(cvips_jxl_reading *reading, bool original, VipsImage *image) {
  const cvips_jxl_functions *jxl = reading->jxl;
  JxlDecoder *decoder = reading->decoder;
  size_t count = 0;
  JxlDecoderStatus status =
    original ? jxl->JxlDecoderGetICCProfileSize(decoder, CVIPS_JXL_PROFILE(ORIGINAL), &count)
             : jxl->JxlDecoderGetICCProfileSize(decoder, CVIPS_JXL_PROFILE(DATA), &count);
  uint8_t *bytes =
    status == JXL_DEC_SUCCESS && count > 0 && count <= BOX_LIMIT ? malloc(count) : NULL;
  if (!bytes) return;
  status =
    original
      ? jxl->JxlDecoderGetColorAsICCProfile(decoder, CVIPS_JXL_PROFILE(ORIGINAL), bytes, count)
      : jxl->JxlDecoderGetColorAsICCProfile(decoder, CVIPS_JXL_PROFILE(DATA), bytes, count);
  if (status == JXL_DEC_SUCCESS)
    vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, bytes, count);
  free(bytes);
}

bool cvips_jxl_loses_colours(const cvips_jxl_reading *reading, const JxlBasicInfo *info) {
  JxlColorEncoding encoding;
  return !info->uses_original_profile &&
         reading->jxl->JxlDecoderGetColorAsEncodedProfile(
           reading->decoder, CVIPS_JXL_PROFILE(ORIGINAL), &encoding) != JXL_DEC_SUCCESS;
}

/// Requests samples with primaries that contain every gamut, and sRGB's curve.
static void ask_for_all_colours(cvips_jxl_reading *reading, bool grey) {
  JxlColorEncoding encoding = {
    .color_space = grey ? JXL_COLOR_SPACE_GRAY : JXL_COLOR_SPACE_RGB,
    .white_point = JXL_WHITE_POINT_D65,
    .white_point_xy = {0.3127, 0.3290},
    .primaries = JXL_PRIMARIES_CUSTOM,
    .primaries_red_xy = {0.7347, 0.2653},
    .primaries_green_xy = {0.1152, 0.8800},
    .primaries_blue_xy = {0.0366, 0.0001},
    .transfer_function = JXL_TRANSFER_FUNCTION_SRGB,
    .rendering_intent = JXL_RENDERING_INTENT_RELATIVE,
  };
  reading->jxl->JxlDecoderSetPreferredColorProfile(reading->decoder, &encoding);
}

/// The image in the colours of the file's own profile; unchanged if that profile does not define
/// colours.
static VipsImage *with_own_profile(
    cvips_jxl_reading *reading, VipsImage *image, const JxlBasicInfo *info) {
  JxlPixelFormat format;
  VipsImage *own = make_image(info, is_wide(info), &format, NULL);
  if (own) attach_profile(reading, true, own);
  if (own && cvips_convert_profile(image, own)) {
    g_object_unref(image);
    return own;
  }
  if (own) g_object_unref(own);
  return image;
}

/// Divides the colours by alpha.
static void unmultiply(VipsImage *image) {
  size_t bands = (size_t)image->Bands, count = VIPS_IMAGE_N_PELS(image) * bands;
  bool wide = image->BandFmt == VIPS_FORMAT_USHORT;
  uint32_t white = wide ? 65535 : 255;
  uint16_t *words = (void *)VIPS_IMAGE_ADDR(image, 0, 0);
  uint8_t *bytes = VIPS_IMAGE_ADDR(image, 0, 0);
  for (size_t at = 0; at < count; at += bands) {
    uint32_t alpha = wide ? words[at + bands - 1] : bytes[at + bands - 1];
    for (size_t i = at; alpha > 0 && i + 1 < at + bands; i++) {
      uint32_t value = ((wide ? words[i] : bytes[i]) * white + alpha / 2) / alpha;
      if (value > white) value = white;
      if (wide)
        words[i] = (uint16_t)value;
      else
        bytes[i] = (uint8_t)value;
    }
  }
}

/// Decodes the frame after the frames that are to be skipped.
static VipsImage *decode(cvips_jxl_reading *reading, int32_t page, char **error) {
  const cvips_jxl_functions *jxl = reading->jxl;
  JxlDecoder *decoder = reading->decoder;
  JxlBasicInfo info;
  JxlPixelFormat format;
  VipsImage *image = NULL;
  bool has_info = false, converts = false;
  JxlDecoderStatus status;
  while ((status = jxl->JxlDecoderProcessInput(decoder)) != JXL_DEC_FULL_IMAGE) {
    size_t count = 0;
    if (status == JXL_DEC_BASIC_INFO && !has_info &&
        jxl->JxlDecoderGetBasicInfo(decoder, &info) == JXL_DEC_SUCCESS) {
      has_info = true;
      // Only now: the decoder would otherwise skip the file's header, too.
      if (page > 0) jxl->JxlDecoderSkipFrames(decoder, (size_t)page);
    } else if (status == JXL_DEC_COLOR_ENCODING && has_info && !image) {
      converts = cvips_jxl_loses_colours(reading, &info);
      if (converts) ask_for_all_colours(reading, info.num_color_channels == 1);
      image = make_image(&info, converts || is_wide(&info), &format, error);
      if (!image) return NULL;
      attach_profile(reading, false, image);
    } else if (status != JXL_DEC_NEED_IMAGE_OUT_BUFFER || !image ||
               jxl->JxlDecoderImageOutBufferSize(decoder, &format, &count) != JXL_DEC_SUCCESS ||
               count != VIPS_IMAGE_SIZEOF_IMAGE(image) ||
               jxl->JxlDecoderSetImageOutBuffer(
                 decoder, &format, VIPS_IMAGE_ADDR(image, 0, 0), count) != JXL_DEC_SUCCESS) {
      break;
    }
  }
  if (status == JXL_DEC_FULL_IMAGE && image) {
    if (info.alpha_bits > 0 && info.alpha_premultiplied) unmultiply(image);
    return converts ? with_own_profile(reading, image, &info) : image;
  }
  if (status == JXL_DEC_SUCCESS)
    cvips_fail_with(error, "the file has no frame %d", page);
  else
    cvips_fail_with(error, "the JPEG XL file is damaged or truncated");
  if (image) g_object_unref(image);
  return NULL;
}

VipsImage *cvips_jxl_frame(const char *path, int32_t page, char **error) {
  cvips_jxl_reading reading;
  VipsImage *image = NULL;
  int events = JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING | JXL_DEC_FULL_IMAGE;
  if (cvips_jxl_start(&reading, path, error) == 0 && cvips_jxl_subscribe(&reading, events, error) == 0)
    image = decode(&reading, page < 0 ? 0 : page, error);
  cvips_jxl_finish(&reading);
  return image;
}
