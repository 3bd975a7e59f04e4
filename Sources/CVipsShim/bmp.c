// BMP files, which libvips reads only through ImageMagick: uncompressed ones of 1 to 32 bit, with a
// palette, with channel masks, bottom-up or top-down.

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

typedef struct {
  int descriptor;
  int64_t pixels, stride;  // the offset of the rows; the size of a row
  int32_t width, height;
  bool top_down;
  int bits, bands;
  uint8_t palette[256][3];
  uint32_t masks[4];  // red, green, blue, alpha
  int shifts[4];
  uint32_t maxima[4];
} bitmap;

static uint32_t le(const uint8_t *bytes, int count) {
  uint32_t value = 0;
  for (int i = count - 1; i >= 0; i--) value = value << 8 | bytes[i];
  return value;
}

static bool read_at(int descriptor, int64_t place, void *out, size_t count) {
  for (size_t done = 0; done < count;) {
    ssize_t n = pread(descriptor, (char *)out + done, count - done, place + (off_t)done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += (size_t)n;
  }
  return true;
}

static void release(gpointer data) {
  close(((bitmap *)data)->descriptor);
  g_free(data);
}

/// The samples of one row from column x on.
static void convert(const bitmap *b, const uint8_t *row, int x, int w, VipsPel *out) {
  int first = b->bits < 8 ? x % (8 / b->bits) : 0;
  for (int i = 0; i < w; i++, out += b->bands) {
    if (b->bits <= 8) {
      int bit = (first + i) * b->bits;
      int index = row[bit / 8] >> (8 - b->bits - bit % 8) & ((1 << b->bits) - 1);
      memcpy(out, b->palette[index], (size_t)b->bands);
    } else if (b->bits == 24) {
      out[0] = row[3 * i + 2], out[1] = row[3 * i + 1], out[2] = row[3 * i];
    } else {
      uint32_t pixel = le(row + i * (b->bits / 8), b->bits / 8);
      for (int c = 0; c < b->bands; c++) {
        uint64_t value = (pixel & b->masks[c]) >> b->shifts[c];
        out[c] = b->maxima[c] ? (VipsPel)((value * 255 + b->maxima[c] / 2) / b->maxima[c]) : 0;
      }
    }
  }
}

static int generate(VipsRegion *out, void *seq, void *a, void *data, gboolean *stop) {
  (void)seq, (void)a, (void)stop;
  const bitmap *b = data;
  VipsRect *rect = &out->valid;
  int64_t first = (int64_t)rect->left * b->bits / 8;
  int64_t end = ((int64_t)VIPS_RECT_RIGHT(rect) * b->bits + 7) / 8;
  uint8_t *row = g_try_malloc((size_t)(end - first));
  if (!row) {
    vips_error("bmp", "no memory for a row");
    return -1;
  }
  int status = 0;
  for (int y = rect->top; y < VIPS_RECT_BOTTOM(rect) && status == 0; y++) {
    int64_t line = b->top_down ? y : b->height - 1 - y;
    if (read_at(b->descriptor, b->pixels + line * b->stride + first, row, (size_t)(end - first))) {
      convert(b, row, rect->left, rect->width, VIPS_REGION_ADDR(out, rect->left, y));
    } else {
      vips_error("bmp", "the rows end early");
      status = -1;
    }
  }
  g_free(row);
  return status;
}

/// Reads the palette; grey if all its colours are. Missing colours are black.
static bool read_palette(bitmap *b, int64_t place, int entry, uint32_t count) {
  uint32_t all = 1u << b->bits;
  if (count == 0 || count > all) count = all;
  int64_t room = (b->pixels - place) / entry;
  if (room < 0) return false;
  if (count > room) count = (uint32_t)room;
  uint8_t bytes[4 * 256];
  if (!read_at(b->descriptor, place, bytes, count * (size_t)entry)) return false;
  b->bands = 1;
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t *c = bytes + i * (uint32_t)entry;
    for (int k = 0; k < 3; k++) b->palette[i][k] = c[2 - k];
    if (c[0] != c[1] || c[1] != c[2]) b->bands = 3;
  }
  return true;
}

static void set_masks(bitmap *b, const uint8_t *header, uint32_t size, uint32_t compression) {
  static const uint32_t usual[2][4] = {{0x7c00, 0x3e0, 0x1f, 0}, {0xff0000, 0xff00, 0xff, 0}};
  memcpy(b->masks, usual[b->bits == 32], sizeof b->masks);
  if (compression != 0)
    for (int c = 0; c < 4; c++)
      // A header of 40 bytes is followed by three masks, or four (compression 6).
      b->masks[c] = c < 3 || size >= 56 || compression == 6 ? le(header + 40 + 4 * c, 4) : 0;
  b->bands = b->masks[3] ? 4 : 3;
  for (int c = 0; c < 4; c++) {
    b->shifts[c] = b->masks[c] ? __builtin_ctz(b->masks[c]) : 0;
    b->maxima[c] = b->masks[c] >> b->shifts[c];
  }
}

bool cvips_is_bmp(const uint8_t *bytes, size_t count) {
  if (count < 26 || bytes[0] != 'B' || bytes[1] != 'M') return false;
  uint32_t size = le(bytes + 14, 4);
  return size == 12 || size == 40 || size == 52 || size == 56 || size == 64 || size == 108 ||
         size == 124;
}

/// Fills in the bitmap; returns the reason why it cannot be read, or NULL.
static const char *parse(bitmap *b, double density[2], cvips_header *found) {
  uint8_t file[14 + 124] = {0};
  struct stat status;
  if (fstat(b->descriptor, &status) != 0 || !read_at(b->descriptor, 0, file, 26))
    return "no header";
  uint8_t *header = file + 14;
  uint32_t size = le(header, 4), compression = 0, colours = 0;
  b->pixels = le(file + 10, 4);
  bool core = size == 12;
  if (core) {
    b->width = (int32_t)le(header + 4, 2);
    b->height = (int32_t)le(header + 6, 2);
    b->bits = (int)le(header + 10, 2);
  } else {
    // A short header is followed by its masks.
    size_t wanted = size < 56 ? 56 : size;
    if (!read_at(b->descriptor, 14, header, wanted) && !read_at(b->descriptor, 14, header, size))
      return "no header";
    int64_t height = (int32_t)le(header + 8, 4);
    b->width = (int32_t)le(header + 4, 4);
    b->top_down = height < 0;
    height = height < 0 ? -height : height;
    if (height > INT32_MAX) return "impossible size";
    b->height = (int32_t)height;
    b->bits = (int)le(header + 14, 2);
    compression = le(header + 16, 4);
    for (int i = 0; i < 2; i++) density[i] = (int32_t)le(header + 24 + 4 * i, 4) / 1000.0;
    colours = le(header + 32, 4);
  }
  bool masked = (compression == 3 || compression == 6) && (b->bits == 16 || b->bits == 32);
  if (compression != 0 && !masked) {
    found->failure = CVIPS_UNSUPPORTED;
    return "compressed BMP is not supported; save it without compression";
  }
  if (b->width <= 0 || b->height <= 0 || b->width > VIPS_MAX_COORD || b->height > VIPS_MAX_COORD)
    return "impossible size";
  switch (b->bits) {
    case 1: case 4: case 8:
      if (!read_palette(b, 14 + (int64_t)size, core ? 3 : 4, colours)) return "no palette";
      break;
    case 24: b->bands = 3; break;
    case 16: case 32: set_masks(b, header, size, compression); break;
    default: return "impossible number of bits";
  }
  b->stride = ((int64_t)b->width * b->bits + 31) / 32 * 4;
  // Some writers omit the last row's padding.
  int64_t used = b->stride * (b->height - 1) + ((int64_t)b->width * b->bits + 7) / 8;
  return b->pixels + used > status.st_size ? "the rows end early" : NULL;
}

VipsImage *cvips_bmp_open(const char *path, cvips_header *header, char **error) {
  bitmap *b = g_new0(bitmap, 1);
  double density[2] = {0, 0};
  b->descriptor = open(path, O_RDONLY | O_CLOEXEC);
  const char *reason = b->descriptor < 0 ? strerror(errno) : parse(b, density, header);
  if (reason) {
    cvips_fail_with(error, "BMP: %s", reason);
    release(b);
    return NULL;
  }
  VipsImage *image = vips_image_new();
  g_object_set_data_full(G_OBJECT(image), "nsarm-bitmap", b, release);
  bool known = density[0] > 0 && density[1] > 0;
  vips_image_init_fields(image, b->width, b->height, b->bands, VIPS_FORMAT_UCHAR, VIPS_CODING_NONE,
                         b->bands == 1 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB,
                         known ? density[0] : 1, known ? density[1] : 1);
  if (vips_image_pipelinev(image, VIPS_DEMAND_STYLE_THINSTRIP, NULL) != 0 ||
      vips_image_generate(image, NULL, generate, NULL, NULL, b) != 0) {
    cvips_fail(error);
    g_object_unref(image);
    return NULL;
  }
  return image;
}
