// Animated PNG, of which libvips reads the default image only. Each frame is turned into a PNG file
// in memory, which libvips decodes, and drawn over the result of the frames before it.

#include <string.h>

#include "canvas.h"
#include "internal.h"

#define PIXEL_LIMIT (UINT64_C(1) << 26)
/// The size limit of a frame's compressed data; GLib's byte arrays have 32-bit lengths.
#define BYTE_LIMIT (1u << 30)

static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

typedef enum { DISPOSE_NONE, DISPOSE_BACKGROUND, DISPOSE_PREVIOUS } disposal;

/// The position of a frame, its blending (over what is there, or replacing it), and the disposal of
/// its area after it has been shown.
typedef struct control {
  cvips_place place;
  disposal disposal;
  bool is_blended;
} control;

/// The state of reading an animation frame by frame.
typedef struct {
  gchar *bytes;
  gsize length;
  const uint8_t *at, *end;  // the unread part of the file
  const uint8_t *header;    // the contents of IHDR
  GByteArray *shared;       // chunks that every frame needs: palette, profile...
  uint32_t w, h, frames, sequence;
} animation;

// MARK: - Chunks

typedef struct {
  const uint8_t *type, *data;
  uint32_t count;
} chunk;

static uint32_t number(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool is_type(chunk chunk, const char *type) { return memcmp(chunk.type, type, 4) == 0; }

static bool next_chunk(animation *animation, chunk *chunk) {
  size_t left = (size_t)(animation->end - animation->at);
  if (left < 12 || number(animation->at) > MIN(left - 12, INT32_MAX)) return false;
  chunk->count = number(animation->at);
  chunk->type = animation->at + 4;
  chunk->data = animation->at + 8;
  animation->at += chunk->count + 12;
  return true;
}

/// Whether the checksum of a chunk is correct.
static bool is_sound(chunk chunk) {
  cvips_blob contents = {chunk.type, (size_t)chunk.count + 4};
  return cvips_crc32(contents) == number(chunk.data + chunk.count);
}

static void append(GByteArray *out, const char *type, const uint8_t *data, uint32_t count) {
  guint32 length = GUINT32_TO_BE(count);
  g_byte_array_append(out, (const guint8 *)&length, 4);
  g_byte_array_append(out, (const guint8 *)type, 4);
  g_byte_array_append(out, data, count);
  guint32 sum = GUINT32_TO_BE(
    cvips_crc32((cvips_blob){out->data + out->len - count - 4, (size_t)count + 4}));
  g_byte_array_append(out, (const guint8 *)&sum, 4);
}

static void close_animation(animation *animation) {
  if (animation->shared) g_byte_array_unref(animation->shared);
  g_free(animation->bytes);
}

/// Reads up to the default image, and returns to the first chunk; the animation must be closed even
/// if this fails. Shared chunks precede the default image.
static bool open_animation(animation *animation, const char *path) {
  memset(animation, 0, sizeof *animation);
  if (!g_file_get_contents(path, &animation->bytes, &animation->length, NULL)) return false;
  if (animation->length < 33 + 12) return false;
  const uint8_t *start = (const uint8_t *)animation->bytes;
  animation->at = start + 8;
  animation->end = start + animation->length;
  chunk chunk;
  if (memcmp(start, signature, 8) != 0 || !next_chunk(animation, &chunk) ||
      !is_type(chunk, "IHDR") || chunk.count != 13 || !is_sound(chunk))
    return false;
  animation->header = chunk.data;
  animation->w = number(chunk.data), animation->h = number(chunk.data + 4);
  animation->shared = g_byte_array_new();
  const uint8_t *first = animation->at;
  while (next_chunk(animation, &chunk) && !is_type(chunk, "IDAT")) {
    if (is_type(chunk, "acTL")) {
      if (chunk.count == 8 && is_sound(chunk)) animation->frames = number(chunk.data);
    } else if (!is_type(chunk, "fcTL")) {
      if (chunk.count > BYTE_LIMIT - animation->shared->len) return false;
      g_byte_array_append(animation->shared, chunk.type - 4, chunk.count + 12);
    }
  }
  animation->at = first;
  return animation->frames > 0 && animation->w > 0 && animation->h > 0;
}

int32_t cvips_apng_count(const char *path) {
  animation animation;
  // A frame takes at least 38 bytes, which bounds a believable number of frames.
  size_t frames = 1;
  if (open_animation(&animation, path))
    frames = MIN(animation.frames, animation.length / 38);
  close_animation(&animation);
  return frames < 1 ? 1 : (int32_t)MIN(frames, INT32_MAX);
}

static bool read_control(animation *animation, chunk chunk, control *control) {
  if (chunk.count != 26 || !is_sound(chunk) || number(chunk.data) != animation->sequence++)
    return false;
  const uint8_t *data = chunk.data;
  if (data[24] > DISPOSE_PREVIOUS || data[25] > 1) return false;
  cvips_place place = {
    .w = number(data + 4), .h = number(data + 8), .x = number(data + 12), .y = number(data + 16)
  };
  *control = (struct control){place, (disposal)data[24], data[25] == 1};
  return place.w > 0 && place.h > 0 && place.w <= animation->w && place.h <= animation->h &&
         place.x <= animation->w - place.w && place.y <= animation->h - place.h;
}

static void begin_png(const animation *animation, const control *control, GByteArray *png) {
  uint8_t header[13];
  memcpy(header, animation->header, 13);
  guint32 size[2] = {GUINT32_TO_BE(control->place.w), GUINT32_TO_BE(control->place.h)};
  memcpy(header, size, 8);
  g_byte_array_set_size(png, 0);
  g_byte_array_append(png, signature, 8);
  append(png, "IHDR", header, 13);
  g_byte_array_append(png, animation->shared->data, animation->shared->len);
}

/// Makes a PNG file of the next frame; false if there is none or it is damaged.
static bool next_frame(animation *animation, control *control, GByteArray *png) {
  bool has_control = false, has_data = false;
  chunk chunk;
  while (true) {
    const uint8_t *start = animation->at;
    if (!next_chunk(animation, &chunk)) return false;
    if (is_type(chunk, "IEND") || (has_data && is_type(chunk, "fcTL"))) {
      animation->at = start;
      break;
    }
    if (is_type(chunk, "fcTL")) {
      if (has_control || !read_control(animation, chunk, control)) return false;
      has_control = true;
      begin_png(animation, control, png);
    } else if (is_type(chunk, "IDAT") && has_control) {
      if (control->place.w != animation->w || control->place.h != animation->h || !is_sound(chunk))
        return false;
      has_data = true;
      append(png, "IDAT", chunk.data, chunk.count);
    } else if (is_type(chunk, "fdAT")) {
      if (!has_control || chunk.count < 4 || !is_sound(chunk) ||
          number(chunk.data) != animation->sequence++)
        return false;
      has_data = true;
      append(png, "IDAT", chunk.data + 4, chunk.count - 4);
    }
    if (png->len > BYTE_LIMIT) return false;
  }
  append(png, "IEND", NULL, 0);
  return has_data;
}

// MARK: - Pictures

static VipsImage *decode(const GByteArray *png, char **error) {
  VipsImage *opened = NULL, *frame = NULL;
  if (vips_pngload_buffer(png->data, png->len, &opened, "access", VIPS_ACCESS_SEQUENTIAL,
                          "fail_on", VIPS_FAIL_ON_ERROR, NULL) == 0)
    frame = vips_image_copy_memory(opened);
  if (opened) g_object_unref(opened);
  if (!frame) cvips_fail(error);
  vips_error_clear();
  return frame;
}

/// Creates a canvas that matches a frame.
static int make_canvas(
    const animation *animation, VipsImage *frame, cvips_canvas *canvas, char **error) {
  bool wide = frame->BandFmt == VIPS_FORMAT_USHORT;
  size_t bands = frame->Bands < 3 ? 2 : 4;
  *canvas = (cvips_canvas){
    .bands = bands, .row = bands * (wide ? 2 : 1) * (size_t)animation->w, .wide = wide
  };
  canvas->samples = calloc(animation->h, canvas->row);
  return canvas->samples ? 0 : cvips_fail_with(error, "no memory for a frame");
}

/// Draws a frame; if the area is to be restored afterwards, its contents go to *kept.
static int draw(
    const animation *animation, cvips_canvas *canvas, const control *control, VipsImage *frame,
    uint8_t **kept, char **error) {
  if (!canvas->samples && make_canvas(animation, frame, canvas, error) != 0) return -1;
  if (control->disposal == DISPOSE_PREVIOUS) {
    *kept = cvips_keep(canvas, control->place);
    if (!*kept) return cvips_fail_with(error, "no memory for a frame");
  }
  if (cvips_draw(canvas, control->place, frame, control->is_blended)) return 0;
  return cvips_fail_with(error, "the frames of the PNG animation differ in their format");
}

/// The canvas as an image with a frame's metadata, without alpha if nothing is transparent.
static VipsImage *copy_canvas(
    const animation *animation, const cvips_canvas *canvas, VipsImage *frame, char **error) {
  size_t bands = canvas->bands, size = canvas->wide ? 2 : 1;
  size_t count = (size_t)animation->w * animation->h;
  bool is_opaque = !canvas->is_transparent;
  for (size_t i = 0; is_opaque && i < count; i++) {
    const uint8_t *alpha = canvas->samples + (i * bands + bands - 1) * size;
    is_opaque = alpha[0] == 255 && alpha[size - 1] == 255;
  }
  size_t kept = is_opaque ? bands - 1 : bands;
  VipsImage *image = vips_image_new_memory();
  int status = vips_image_pipelinev(image, VIPS_DEMAND_STYLE_ANY, frame, NULL);
  image->Xsize = (int)animation->w, image->Ysize = (int)animation->h, image->Bands = (int)kept;
  if (status != 0 || vips_image_write_prepare(image) != 0) {
    cvips_fail(error);
    g_object_unref(image);
    return NULL;
  }
  uint8_t *out = VIPS_IMAGE_ADDR(image, 0, 0);
  for (size_t i = 0; i < count; i++)
    memcpy(out + i * kept * size, canvas->samples + i * bands * size, kept * size);
  return image;
}

VipsImage *cvips_apng_frame(const char *path, int32_t page, char **error) {
  if (cvips_start(error) != 0) return NULL;
  animation animation;
  control control = {0};
  cvips_canvas canvas = {0};
  GByteArray *png = g_byte_array_new();
  VipsImage *image = NULL;
  int status = open_animation(&animation, path)
                 ? 0
                 : cvips_fail_with(error, "the file is not a complete PNG animation");
  if (status == 0 && (uint64_t)animation.w * animation.h > PIXEL_LIMIT)
    status = cvips_fail_with(error, "frames of %ux%u pixels are too large", animation.w,
                             animation.h);
  if (status == 0 && page >= 0 && (uint32_t)page >= animation.frames)
    status = cvips_fail_with(error, "the file has no frame %d", page);
  for (int32_t i = 0; status == 0 && !image; i++) {
    uint8_t *kept = NULL;
    VipsImage *frame = NULL;
    if (!next_frame(&animation, &control, png))
      cvips_fail_with(error, "the PNG animation is damaged or truncated at frame %d", i);
    else
      frame = decode(png, error);
    status = frame ? draw(&animation, &canvas, &control, frame, &kept, error) : -1;
    if (status == 0 && i >= page) {
      image = copy_canvas(&animation, &canvas, frame, error);
      status = image ? 0 : -1;
    } else if (status == 0 && control.disposal != DISPOSE_NONE) {
      cvips_restore(&canvas, control.place, kept);
    }
    if (frame) g_object_unref(frame);
    free(kept);
  }
  free(canvas.samples);
  g_byte_array_unref(png);
  close_animation(&animation);
  return image;
}
