// AVIF through libheif itself; libvips always passes RGB to it.

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "codecs.h"
#include "internal.h"

/// The samples to write and their coding: grey alone; green, blue, red (lossless); or luma and two
/// chroma planes at full or half resolution.
typedef struct {
  const void *samples;
  int descriptor;
  cvips_header header;
  size_t row;  // in bytes
  bool wide, grey, alpha, lossless, halved;
} source;

/// A plane of the picture that libheif encodes.
typedef struct {
  uint8_t *bytes;
  size_t row;
} plane;

/// One or two rows of samples; those of a file are read into buffer. NULL on failure.
static const void *read_rows(const source *source, int32_t y, int32_t count, void *buffer) {
  if (source->samples) return (const uint8_t *)source->samples + source->row * (size_t)y;
  size_t wanted = source->row * (size_t)count, done = 0;
  while (done < wanted) {
    off_t offset = (off_t)(source->row * (size_t)y + done);
    ssize_t step = pread(source->descriptor, (char *)buffer + done, wanted - done, offset);
    if (step < 0 && errno == EINTR) continue;
    if (step <= 0) return NULL;
    done += (size_t)step;
  }
  return buffer;
}

static uint32_t sample(const void *samples, size_t at, bool wide) {
  return wide ? ((const uint16_t *)samples)[at] : ((const uint8_t *)samples)[at];
}

static void put(plane plane, int32_t x, int32_t y, bool wide, uint32_t value) {
  uint8_t *row = plane.bytes + plane.row * (size_t)y;
  if (wide)
    ((uint16_t *)(void *)row)[x] = (uint16_t)value;
  else
    row[x] = (uint8_t)value;
}

/// A channel unchanged if it has 8 bit, or 16 bit rounded to 12.
static void copy_channel(
    const source *source, const void *row, int32_t y, size_t channel, plane plane) {
  size_t channels = (size_t)source->header.channels;
  for (int32_t x = 0; x < source->header.width; x++) {
    uint32_t value = sample(row, (size_t)x * channels + channel, source->wide);
    put(plane, x, y, source->wide, source->wide ? (value * 4095 + 32767) / 65535 : value);
  }
}

/// The file's code for a fraction of white.
static uint32_t quantised(float value, float white) {
  float code = value * white + 0.5f;
  return code <= 0 ? 0 : code >= white ? (uint32_t)white : (uint32_t)code;
}

/// The mean colour of a block of pixels, as fractions of white.
static void average(
    const source *source, const void *rows, int32_t x, int32_t w, int32_t h, float rgb[3]) {
  size_t channels = (size_t)source->header.channels, width = (size_t)source->header.width;
  float scale = 1 / ((source->wide ? 65535.0f : 255.0f) * (float)(w * h));
  for (size_t c = 0; c < 3; c++) {
    uint32_t sum = 0;
    for (size_t j = 0; j < (size_t)h; j++)
      for (size_t i = 0; i < (size_t)w; i++)
        sum += sample(rows, (j * width + (size_t)x + i) * channels + c, source->wide);
    rgb[c] = (float)sum * scale;
  }
}

static float luma(const float rgb[3]) {
  return 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2];
}

/// Luma and colour differences of one or two rows: matrix 6 of H.273 (BT.601), full range.
static void convert_rows(
    const source *source, const void *rows, int32_t y, int32_t count, const plane planes[3]) {
  float white = source->wide ? 4095 : 255, grey = source->wide ? 2048 / 4095.0f : 128 / 255.0f;
  float rgb[3];
  int32_t width = source->header.width, step = source->halved ? 2 : 1;
  for (int32_t j = 0; j < count; j++)
    for (int32_t x = 0; x < width; x++) {
      average(source, (const uint8_t *)rows + source->row * (size_t)j, x, 1, 1, rgb);
      put(planes[0], x, y + j, source->wide, quantised(luma(rgb), white));
    }
  for (int32_t j = 0; j < count; j += step)
    for (int32_t x = 0; x < width; x += step) {
      const uint8_t *block = (const uint8_t *)rows + source->row * (size_t)j;
      average(source, block, x, x + step > width ? 1 : step, j + step > count ? 1 : step, rgb);
      float blue = (rgb[2] - luma(rgb)) / 1.772f, red = (rgb[0] - luma(rgb)) / 1.402f;
      put(planes[1], x / step, (y + j) / step, source->wide, quantised(blue + grey, white));
      put(planes[2], x / step, (y + j) / step, source->wide, quantised(red + grey, white));
    }
}

/// Fills the planes: luma and chroma, or green, blue, red; and alpha.
static int fill_planes(const source *source, const plane planes[4], char **error) {
  void *buffer = source->samples ? NULL : malloc(source->row * 2);
  int status = 0;
  for (int32_t y = 0; y < source->header.height && status == 0; y += 2) {
    int32_t count = y + 1 < source->header.height ? 2 : 1;
    const uint8_t *rows = read_rows(source, y, count, buffer);
    if (!rows) {
      status = cvips_fail_with(error, "cannot read the samples to write");
      break;
    }
    if (!source->grey && !source->lossless) convert_rows(source, rows, y, count, planes);
    for (int32_t j = 0; j < count; j++) {
      const uint8_t *row = rows + source->row * (size_t)j;
      static const size_t sources[3] = {1, 2, 0};
      for (size_t c = 0; c < 3 && source->lossless && !source->grey; c++)
        copy_channel(source, row, y + j, sources[c], planes[c]);
      if (source->grey) copy_channel(source, row, y + j, 0, planes[0]);
      if (source->alpha)
        copy_channel(source, row, y + j, (size_t)source->header.channels - 1, planes[3]);
    }
  }
  free(buffer);
  return status;
}

/// The picture in its coded form, so that libheif has nothing to convert.
static struct heif_image *make_image(
    const cvips_heif_functions *heif, const source *source, char **error) {
  struct heif_image *image = NULL;
  enum heif_colorspace space = source->grey ? heif_colorspace_monochrome : heif_colorspace_YCbCr;
  enum heif_chroma chroma = source->grey     ? heif_chroma_monochrome
                            : source->halved ? heif_chroma_420
                                             : heif_chroma_444;
  int32_t width = source->header.width, height = source->header.height;
  static const enum heif_channel channels[4] = {
    heif_channel_Y, heif_channel_Cb, heif_channel_Cr, heif_channel_Alpha
  };
  struct heif_error created = heif->heif_image_create(width, height, space, chroma, &image);
  if (cvips_is_heif_error(created, error)) return NULL;
  plane planes[4] = {{0}};
  bool failed = false;
  for (int i = 0; i < 4 && !failed; i++) {
    bool colour = i == 1 || i == 2, halved = colour && source->halved;
    if (colour ? source->grey : i == 3 && !source->alpha) continue;
    int32_t w = halved ? (width + 1) / 2 : width, h = halved ? (height + 1) / 2 : height;
    int bits = source->wide ? 12 : 8, stride = 0;
    failed = cvips_is_heif_error(heif->heif_image_add_plane(image, channels[i], w, h, bits), error);
    if (failed) break;
    planes[i].bytes = heif->heif_image_get_plane(image, channels[i], &stride);
    planes[i].row = (size_t)stride;
    if (!planes[i].bytes) failed = true, cvips_fail_with(error, "no memory for the picture");
  }
  if (!failed && fill_planes(source, planes, error) == 0) return image;
  heif->heif_image_release(image);
  return NULL;
}

/// The colour description of the file; matrix and range are those of the planes.
static int describe_colours(
    const cvips_heif_functions *heif, struct heif_image *image, const source *source,
    cvips_blob icc, cvips_cicp cicp, char **error) {
  if (icc.count > 0 && cvips_is_heif_error(heif->heif_image_set_raw_color_profile(
                         image, "prof", icc.bytes, icc.count), error))
    return -1;
  struct heif_color_profile_nclx *nclx = heif->heif_nclx_color_profile_alloc();
  if (!nclx) return cvips_fail_with(error, "no memory for the picture");
  int primaries = cicp.known ? cicp.primaries : icc.count > 0 ? 2 : 1;
  int transfer = cicp.known ? cicp.transfer : icc.count > 0 ? 2 : 13;
  nclx->color_primaries = (enum heif_color_primaries)primaries;
  nclx->transfer_characteristics = (enum heif_transfer_characteristics)transfer;
  nclx->matrix_coefficients = source->lossless && !source->grey
                                ? heif_matrix_coefficients_RGB_GBR
                                : heif_matrix_coefficients_ITU_R_BT_601_6;
  nclx->full_range_flag = 1;
  struct heif_error status = heif->heif_image_set_nclx_color_profile(image, nclx);
  bool failed = cvips_is_heif_error(status, error);
  heif->heif_nclx_color_profile_free(nclx);
  return failed ? -1 : 0;
}

/// libheif's AV1 encoder, set up as in libvips.
static struct heif_encoder *make_encoder(
    const cvips_heif_functions *heif, struct heif_context *context, const source *source,
    cvips_encoding encoding, char **error) {
  struct heif_encoder *encoder = NULL;
  enum heif_compression_format av1 = heif_compression_AV1;
  if (heif->heif_context_get_encoder_for_format(context, av1, &encoder).code != 0 || !encoder) {
    cvips_fail_with(error, "the installed libheif has no AV1 encoder");
    return NULL;
  }
  // Not every encoder has these parameters.
  heif->heif_encoder_set_parameter_integer(encoder, "speed", 9 - encoding.effort);
  heif->heif_encoder_set_parameter_string(encoder, "chroma", source->halved ? "420" : "444");
  struct heif_error status = heif->heif_encoder_set_lossy_quality(encoder, encoding.quality);
  if (status.code == 0) status = heif->heif_encoder_set_lossless(encoder, encoding.lossless);
  if (!cvips_is_heif_error(status, error)) return encoder;
  heif->heif_encoder_release(encoder);
  return NULL;
}

static int encode(
    const cvips_heif_functions *heif, struct heif_context *context, const source *source,
    cvips_encoding encoding, cvips_metadata metadata, cvips_cicp cicp, char **error) {
  struct heif_image *image = make_image(heif, source, error);
  if (!image) return -1;
  struct heif_image_handle *handle = NULL;
  struct heif_encoder *encoder = NULL;
  struct heif_encoding_options *options = heif->heif_encoding_options_alloc();
  int status = options ? 0 : cvips_fail_with(error, "no memory for the picture");
  if (status == 0) status = describe_colours(heif, image, source, metadata.icc, cicp, error);
  if (status == 0) encoder = make_encoder(heif, context, source, encoding, error);
  if (encoder) {
    // A profile does not state the planes' matrix, so it is stated separately.
    options->save_two_colr_boxes_when_ICC_and_nclx_available = 1;
    options->macOS_compatibility_workaround_no_nclx_profile = 0;
    cvips_is_heif_error(
      heif->heif_context_encode_image(context, image, encoder, options, &handle), error);
    heif->heif_encoder_release(encoder);
  }
  if (options) heif->heif_encoding_options_free(options);
  heif->heif_image_release(image);
  if (!handle) return -1;

  cvips_blob exif = metadata.exif, xmp = metadata.xmp;
  if (exif.count > 6 && memcmp(exif.bytes, "Exif\0\0", 6) == 0)
    exif = (cvips_blob){(const char *)exif.bytes + 6, exif.count - 6};
  if (exif.count > INT_MAX / 2 || xmp.count > INT_MAX / 2)
    status = cvips_fail_with(error, "the metadata are too large for AVIF");
  if (status == 0 && exif.count > 0 &&
      cvips_is_heif_error(heif->heif_context_add_exif_metadata(
                            context, handle, exif.bytes, (int)exif.count), error))
    status = -1;
  if (status == 0 && xmp.count > 0 &&
      cvips_is_heif_error(heif->heif_context_add_XMP_metadata(
                            context, handle, xmp.bytes, (int)xmp.count), error))
    status = -1;
  heif->heif_image_handle_release(handle);
  return status;
}

static struct heif_error write_bytes(
    struct heif_context *context, const void *bytes, size_t count, void *file) {
  (void)context;
  bool written = fwrite(bytes, 1, count, file) == count;
  return (struct heif_error){
    written ? heif_error_Ok : heif_error_Encoding_error,
    written ? heif_suberror_Unspecified : heif_suberror_Cannot_write_output_data,
    written ? "" : "cannot write the file",
  };
}

int cvips_encode_avif(
    const void *samples, int descriptor, cvips_header header, cvips_encoding encoding,
    cvips_metadata metadata, const char *path, char **error) {
  const cvips_heif_functions *heif = cvips_heif(error);
  if (!heif) return -1;
  bool wide = header.bit_depth == 16;
  source source = {
    .samples = samples,
    .descriptor = descriptor,
    .header = header,
    .row = (size_t)header.width * (size_t)header.channels * (wide ? 2 : 1),
    .wide = wide,
    .grey = header.channels <= 2,
    .alpha = header.channels % 2 == 0,
    .lossless = encoding.lossless,
    .halved = header.channels > 2 && !encoding.lossless && encoding.quality < 90,
  };
  struct heif_context *context = heif->heif_context_alloc();
  int status = encode(heif, context, &source, encoding, metadata, header.cicp, error);
  FILE *file = status == 0 ? fopen(path, "wb") : NULL;
  if (status == 0 && !file)
    status = cvips_fail_with(error, "cannot create the file: %s", strerror(errno));
  if (file) {
    struct heif_writer writer = {.writer_api_version = 1, .write = write_bytes};
    if (cvips_is_heif_error(heif->heif_context_write(context, &writer, file), error)) status = -1;
    if (fclose(file) != 0 && status == 0)
      status = cvips_fail_with(error, "cannot write the file: %s", strerror(errno));
  }
  heif->heif_context_free(context);
  return status;
}

bool cvips_has_avif_encoder(void) {
  const cvips_heif_functions *heif = cvips_heif(NULL);
  return heif && heif->heif_have_encoder_for_format(heif_compression_AV1) != 0;
}
