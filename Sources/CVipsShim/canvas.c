#include <string.h>

#include "canvas.h"

static uint32_t sample(const uint8_t *samples, size_t at, bool wide) {
  return wide ? ((const uint16_t *)(const void *)samples)[at] : samples[at];
}

static void put(uint8_t *samples, size_t at, bool wide, uint32_t value) {
  if (wide)
    ((uint16_t *)(void *)samples)[at] = (uint16_t)value;
  else
    samples[at] = (uint8_t)value;
}

/// Draws one pixel with the canvas' bands, or all of them but alpha, blended or not.
static void draw_pixel(
    const cvips_canvas *canvas, uint8_t *to, const uint8_t *from, size_t bands, bool is_blended) {
  size_t colours = canvas->bands - 1;
  bool wide = canvas->wide;
  uint64_t white = wide ? 65535 : 255;
  uint64_t over = bands > colours ? sample(from, colours, wide) : white;
  uint64_t under = is_blended ? sample(to, colours, wide) : 0;
  if (over == 0 && is_blended) return;
  uint64_t above = over * white, below = (white - over) * under, sum = above + below;
  for (size_t i = 0; i < colours; i++) {
    uint64_t value = sample(from, i, wide);
    if (below > 0) value = (value * above + sample(to, i, wide) * below + sum / 2) / sum;
    put(to, i, wide, (uint32_t)value);
  }
  put(to, colours, wide, below > 0 ? (uint32_t)((sum + white / 2) / white) : (uint32_t)over);
}

static uint8_t *row(const cvips_canvas *canvas, cvips_place place, uint32_t y) {
  size_t pixel = canvas->bands * (canvas->wide ? 2 : 1);
  return canvas->samples + canvas->row * (place.y + y) + pixel * place.x;
}

bool cvips_draw(cvips_canvas *canvas, cvips_place place, VipsImage *frame, bool is_blended) {
  size_t bands = (size_t)frame->Bands, size = canvas->wide ? 2 : 1;
  if (frame->Xsize != (int)place.w || frame->Ysize != (int)place.h ||
      (bands != canvas->bands && bands != canvas->bands - 1) ||
      frame->BandFmt != (canvas->wide ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR))
    return false;
  if (bands == canvas->bands) canvas->is_transparent = true;
  for (uint32_t y = 0; y < place.h; y++) {
    uint8_t *to = row(canvas, place, y);
    const uint8_t *from = VIPS_IMAGE_ADDR(frame, 0, (int)y);
    for (uint32_t x = 0; x < place.w; x++)
      draw_pixel(canvas, to + x * canvas->bands * size, from + x * bands * size, bands,
                 is_blended);
  }
  return true;
}

void cvips_restore(const cvips_canvas *canvas, cvips_place place, const uint8_t *kept) {
  size_t count = canvas->bands * (canvas->wide ? 2 : 1) * place.w;
  for (uint32_t y = 0; y < place.h; y++)
    if (kept)
      memcpy(row(canvas, place, y), kept + count * y, count);
    else
      memset(row(canvas, place, y), 0, count);
}

uint8_t *cvips_keep(const cvips_canvas *canvas, cvips_place place) {
  size_t count = canvas->bands * (canvas->wide ? 2 : 1) * place.w;
  uint8_t *kept = malloc(count * place.h);
  for (uint32_t y = 0; kept && y < place.h; y++)
    memcpy(kept + count * y, row(canvas, place, y), count);
  return kept;
}
