// What JPEG XL files hold and libvips does not read: EXIF and XMP data, and frames of animations
// but the first.

#include <string.h>

#include "codecs.h"
#include "internal.h"

/// More than metadata take; what is packed into a box may claim any size.
#define BOX_LIMIT (16 << 20)
#define PIXEL_LIMIT (UINT64_C(1) << 28)

#if CVIPS_JXL_HAS_FORMAT_ARGUMENT
#define DATA_PROFILE NULL, JXL_COLOR_PROFILE_TARGET_DATA
#else
#define DATA_PROFILE JXL_COLOR_PROFILE_TARGET_DATA
#endif

/// A decoder at work on a file, which is in memory.
typedef struct {
  const cvips_jxl_functions *jxl;
  gchar *bytes;
  gsize count;
  JxlDecoder *decoder;
} reading;

static void finish(reading *reading) {
  if (reading->decoder) reading->jxl->JxlDecoderDestroy(reading->decoder);
  g_free(reading->bytes);
}

/// Starts to read a file; to be ended by finish(), also where it fails.
static int start(reading *reading, const char *path, char **error) {
  memset(reading, 0, sizeof *reading);
  reading->jxl = cvips_jxl(error);
  if (!reading->jxl) return -1;
  GError *reason = NULL;
  if (!g_file_get_contents(path, &reading->bytes, &reading->count, &reason)) {
    cvips_fail_with(error, "%s", reason->message);
    g_error_free(reason);
    return -1;
  }
  return 0;
}

/// Begins at the file's start, to be told of some events.
static int subscribe(reading *reading, int events, char **error) {
  const cvips_jxl_functions *jxl = reading->jxl;
  if (reading->decoder) jxl->JxlDecoderDestroy(reading->decoder);
  reading->decoder = jxl->JxlDecoderCreate(NULL);
  if (!reading->decoder ||
      jxl->JxlDecoderSubscribeEvents(reading->decoder, events) != JXL_DEC_SUCCESS ||
      jxl->JxlDecoderSetInput(
        reading->decoder, (const uint8_t *)reading->bytes, reading->count) != JXL_DEC_SUCCESS)
    return cvips_fail_with(error, "libjxl cannot read the file");
  jxl->JxlDecoderCloseInput(reading->decoder);
  return 0;
}

// MARK: - Facts

typedef struct {
  int32_t frames;
  cvips_blob exif, xmp;
  bool has_gain_map, has_jumbf, premultiplied;
} facts;

/// Counts the frames of an animation, as far as the file is whole.
static int count_frames(reading *reading, facts *facts, char **error) {
  const cvips_jxl_functions *jxl = reading->jxl;
  if (subscribe(reading, JXL_DEC_BASIC_INFO | JXL_DEC_FRAME, error) != 0) return -1;
  JxlBasicInfo info;
  if (jxl->JxlDecoderProcessInput(reading->decoder) != JXL_DEC_BASIC_INFO ||
      jxl->JxlDecoderGetBasicInfo(reading->decoder, &info) != JXL_DEC_SUCCESS)
    return cvips_fail_with(error, "the JPEG XL file is damaged or cut short");
  facts->frames = 1;
  facts->premultiplied = info.alpha_bits > 0 && info.alpha_premultiplied;
  if (!info.have_animation) return 0;
  int32_t frames = 0;
  while (frames < INT32_MAX && jxl->JxlDecoderProcessInput(reading->decoder) == JXL_DEC_FRAME)
    frames++;
  if (frames > 1) facts->frames = frames;
  return 0;
}

/// The contents of a box while they are read.
typedef struct {
  uint8_t *bytes;
  size_t room, count;
  cvips_blob *wanted;  // where they go
  size_t skipped;      // bytes before the data
} box;

/// Makes room for more of a box; false where it is too large.
static bool grow(reading *reading, box *box) {
  if (box->bytes)
    box->count = box->room - reading->jxl->JxlDecoderReleaseBoxBuffer(reading->decoder);
  size_t room = box->room ? 2 * box->room : 1 << 16;
  uint8_t *larger = room <= BOX_LIMIT ? realloc(box->bytes, room) : NULL;
  if (!larger) return false;
  box->bytes = larger, box->room = room;
  return reading->jxl->JxlDecoderSetBoxBuffer(
           reading->decoder, larger + box->count, room - box->count) == JXL_DEC_SUCCESS;
}

/// Hands over a box that has been read, or drops it.
static void close_box(reading *reading, box *box, bool is_whole) {
  if (box->bytes && is_whole) {
    size_t count = box->room - reading->jxl->JxlDecoderReleaseBoxBuffer(reading->decoder);
    // EXIF data begin after as many bytes as the first four tell.
    size_t skipped = 0;
    if (box->skipped == 4 && count > 4)
      skipped = 4 + (size_t)GUINT32_FROM_BE(*(uint32_t *)(void *)box->bytes);
    if (count > skipped && count > box->skipped) {
      memmove(box->bytes, box->bytes + skipped, count - skipped);
      *box->wanted = (cvips_blob){box->bytes, count - skipped};
      box->bytes = NULL;
    }
  }
  free(box->bytes);
  memset(box, 0, sizeof *box);
}

/// Reads the boxes of a file that has any around its codestream, as far as it is whole.
static void read_boxes(reading *reading, facts *facts) {
  static const char signature[12] = "\0\0\0\x0cJXL \r\n\x87\n";
  const cvips_jxl_functions *jxl = reading->jxl;
  if (reading->count < 12 || memcmp(reading->bytes, signature, 12) != 0 ||
      subscribe(reading, JXL_DEC_BOX, NULL) != 0)
    return;
  bool unpacks =
    jxl->JxlDecoderSetDecompressBoxes(reading->decoder, JXL_TRUE) == JXL_DEC_SUCCESS;
  box box = {0};
  JxlDecoderStatus status;
  while (true) {
    status = jxl->JxlDecoderProcessInput(reading->decoder);
    if (status == JXL_DEC_BOX_NEED_MORE_OUTPUT && grow(reading, &box)) continue;
    if (status != JXL_DEC_BOX) break;
    close_box(reading, &box, true);
    JxlBoxType type;
    if (jxl->JxlDecoderGetBoxType(reading->decoder, type, unpacks) != JXL_DEC_SUCCESS) break;
    if (memcmp(type, "jhgm", 4) == 0) facts->has_gain_map = true;
    if (memcmp(type, "jumb", 4) == 0) facts->has_jumbf = true;
    bool exif = memcmp(type, "Exif", 4) == 0, xmp = memcmp(type, "xml ", 4) == 0;
    cvips_blob *wanted = exif ? &facts->exif : xmp ? &facts->xmp : NULL;
    if (!wanted || wanted->bytes) continue;
    box.wanted = wanted, box.skipped = exif ? 4 : 0;
    if (!grow(reading, &box)) break;
  }
  close_box(reading, &box, status == JXL_DEC_SUCCESS);
}

static void attach(VipsImage *image, const char *name, cvips_blob *block) {
  if (block->bytes) vips_image_set_blob_copy(image, name, block->bytes, block->count);
  free((void *)block->bytes);
}

int cvips_read_jxl(const char *path, VipsImage *image, cvips_header *header, char **error) {
  facts facts = {0};
  reading reading;
  int status = start(&reading, path, error);
  if (status == 0) status = count_frames(&reading, &facts, error);
  if (status == 0) read_boxes(&reading, &facts);
  finish(&reading);
  header->pages = facts.frames;
  header->premultiplied = facts.premultiplied;
  header->has_gain_map = facts.has_gain_map;
  header->has_credentials = facts.has_jumbf;
  attach(image, VIPS_META_EXIF_NAME, &facts.exif);
  attach(image, VIPS_META_XMP_NAME, &facts.xmp);
  return status;
}

// MARK: - Frames

/// An image to decode to: grey or RGB, with alpha where the file has it, of 8 or 16 bit.
static VipsImage *make_image(const JxlBasicInfo *info, JxlPixelFormat *format, char **error) {
  bool wide = info->bits_per_sample > 8 || info->exponent_bits_per_sample > 0;
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

/// Attaches the profile of the samples as they are decoded.
static void attach_profile(reading *reading, VipsImage *image) {
  const cvips_jxl_functions *jxl = reading->jxl;
  size_t count = 0;
  if (jxl->JxlDecoderGetICCProfileSize(reading->decoder, DATA_PROFILE, &count) != JXL_DEC_SUCCESS ||
      count == 0 || count > BOX_LIMIT)
    return;
  uint8_t *bytes = malloc(count);
  if (bytes && jxl->JxlDecoderGetColorAsICCProfile(reading->decoder, DATA_PROFILE, bytes, count) ==
                 JXL_DEC_SUCCESS)
    vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, bytes, count);
  free(bytes);
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

/// Decodes the frame that comes first once those before it have been skipped.
static VipsImage *decode(reading *reading, int32_t page, char **error) {
  const cvips_jxl_functions *jxl = reading->jxl;
  JxlDecoder *decoder = reading->decoder;
  JxlBasicInfo info;
  JxlPixelFormat format;
  VipsImage *image = NULL;
  JxlDecoderStatus status;
  while ((status = jxl->JxlDecoderProcessInput(decoder)) != JXL_DEC_FULL_IMAGE) {
    size_t count = 0;
    if (status == JXL_DEC_BASIC_INFO && !image &&
        jxl->JxlDecoderGetBasicInfo(decoder, &info) == JXL_DEC_SUCCESS) {
      image = make_image(&info, &format, error);
      if (!image) return NULL;
      // Not before: the file's header, too, is skipped over otherwise.
      if (page > 0) jxl->JxlDecoderSkipFrames(decoder, (size_t)page);
    } else if (status == JXL_DEC_COLOR_ENCODING && image) {
      attach_profile(reading, image);
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
    return image;
  }
  if (status == JXL_DEC_SUCCESS)
    cvips_fail_with(error, "the file has no frame %d", page);
  else
    cvips_fail_with(error, "the JPEG XL file is damaged or cut short");
  if (image) g_object_unref(image);
  return NULL;
}

VipsImage *cvips_jxl_frame(const char *path, int32_t page, char **error) {
  reading reading;
  VipsImage *image = NULL;
  int events = JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING | JXL_DEC_FULL_IMAGE;
  if (start(&reading, path, error) == 0 && subscribe(&reading, events, error) == 0)
    image = decode(&reading, page < 0 ? 0 : page, error);
  finish(&reading);
  return image;
}
