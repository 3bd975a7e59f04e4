// Parts of JPEG XL files that libvips does not read: EXIF and XMP data, the number of frames.

#include "jxl.h"

#include <string.h>

void cvips_jxl_finish(cvips_jxl_reading *reading) {
  if (reading->decoder) reading->jxl->JxlDecoderDestroy(reading->decoder);
  g_free(reading->bytes);
}

int cvips_jxl_start(cvips_jxl_reading *reading, const char *path, char **error) {
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

int cvips_jxl_subscribe(cvips_jxl_reading *reading, int events, char **error) {
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
  bool has_gain_map, has_jumbf, premultiplied, loses_colours;
} facts;

/// Counts the frames of an animation, up to a truncation.
static int count_frames(cvips_jxl_reading *reading, facts *facts, char **error) {
  const cvips_jxl_functions *jxl = reading->jxl;
  int events = JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING | JXL_DEC_FRAME;
  if (cvips_jxl_subscribe(reading, events, error) != 0) return -1;
  JxlBasicInfo info;
  if (jxl->JxlDecoderProcessInput(reading->decoder) != JXL_DEC_BASIC_INFO ||
      jxl->JxlDecoderGetBasicInfo(reading->decoder, &info) != JXL_DEC_SUCCESS)
    return cvips_fail_with(error, "the JPEG XL file is damaged or truncated");
  facts->frames = 1;
  facts->premultiplied = info.alpha_bits > 0 && info.alpha_premultiplied;
  if (jxl->JxlDecoderProcessInput(reading->decoder) == JXL_DEC_COLOR_ENCODING)
    facts->loses_colours = cvips_jxl_loses_colours(reading, &info);
  if (!info.have_animation) return 0;
  int32_t frames = 0;
  while (frames < INT32_MAX && jxl->JxlDecoderProcessInput(reading->decoder) == JXL_DEC_FRAME)
    frames++;
  if (frames > 1) facts->frames = frames;
  return 0;
}

/// The state of reading the contents of a box.
typedef struct {
  uint8_t *bytes;
  size_t room, count;
  cvips_blob *wanted;  // the destination of the contents
  size_t skipped;      // bytes before the data
} box;

/// Makes room for more of a box; false if it is too large.
static bool grow(cvips_jxl_reading *reading, box *box) {
  if (box->bytes)
    box->count = box->room - reading->jxl->JxlDecoderReleaseBoxBuffer(reading->decoder);
  size_t room = box->room ? 2 * box->room : 1 << 16;
  uint8_t *larger = room <= BOX_LIMIT ? realloc(box->bytes, room) : NULL;
  if (!larger) return false;
  box->bytes = larger, box->room = room;
  return reading->jxl->JxlDecoderSetBoxBuffer(
           reading->decoder, larger + box->count, room - box->count) == JXL_DEC_SUCCESS;
}

/// Delivers a box that has been read, or discards it.
static void close_box(cvips_jxl_reading *reading, box *box, bool is_whole) {
  if (box->bytes && is_whole) {
    size_t count = box->room - reading->jxl->JxlDecoderReleaseBoxBuffer(reading->decoder);
    // The first four bytes state the offset of the EXIF data.
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

/// Reads the boxes around the codestream, if there are any, up to a truncation.
static void read_boxes(cvips_jxl_reading *reading, facts *facts) {
  static const char signature[12] = "\0\0\0\x0cJXL \r\n\x87\n";
  const cvips_jxl_functions *jxl = reading->jxl;
  if (reading->count < 12 || memcmp(reading->bytes, signature, 12) != 0 ||
      cvips_jxl_subscribe(reading, JXL_DEC_BOX, NULL) != 0)
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

/// With EXIF data, libvips adopts its orientation and density; the orientation is that of the
/// picture before libjxl rotated it.
static void attach(VipsImage *image, const char *name, cvips_blob block) {
  double xres = image->Xres, yres = image->Yres;
  if (block.bytes) vips_image_set_blob_copy(image, name, block.bytes, block.count);
  vips_image_set_int(image, VIPS_META_ORIENTATION, 1);
  image->Xres = xres, image->Yres = yres;
}

void cvips_copy_jxl_blocks(VipsImage *from, VipsImage *to) {
  static const char *const names[] = {VIPS_META_EXIF_NAME, VIPS_META_XMP_NAME};
  for (size_t i = 0; i < 2; i++) {
    cvips_blob block = {0};
    if (vips_image_get_typeof(from, names[i]) != 0 &&
        vips_image_get_blob(from, names[i], &block.bytes, &block.count) == 0)
      attach(to, names[i], block);
  }
}

int cvips_read_jxl(
    const char *path, VipsImage *image, cvips_header *header, bool *loses_colours, char **error) {
  facts facts = {0};
  cvips_jxl_reading reading;
  int status = cvips_jxl_start(&reading, path, error);
  if (status == 0) status = count_frames(&reading, &facts, error);
  if (status == 0) read_boxes(&reading, &facts);
  cvips_jxl_finish(&reading);
  *loses_colours = facts.loses_colours;
  header->pages = facts.frames;
  header->premultiplied = facts.premultiplied;
  header->has_gain_map = facts.has_gain_map;
  header->has_credentials = facts.has_jumbf;
  attach(image, VIPS_META_EXIF_NAME, facts.exif);
  attach(image, VIPS_META_XMP_NAME, facts.xmp);
  free((void *)facts.exif.bytes);
  free((void *)facts.xmp.bytes);
  return status;
}
