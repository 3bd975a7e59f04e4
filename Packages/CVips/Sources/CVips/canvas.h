#ifndef CVIPS_CANVAS_H
#define CVIPS_CANVAS_H

#include <stdbool.h>
#include <stdint.h>
#include <vips/vips.h>

/// What the frames of an animation are drawn on: grey or RGB, and alpha, 8 or 16 bit.
typedef struct {
  uint8_t *samples;
  size_t bands, row;  // bytes in a row
  bool wide;
  bool is_transparent;  // something with alpha has been drawn
} cvips_canvas;

/// A rectangle of it.
typedef struct {
  uint32_t w, h, x, y;
} cvips_place;

/// Draws a frame, which is in memory: blended with what is there, or instead of it. False where its
/// size is not the place's or its kind not the canvas'.
bool cvips_draw(cvips_canvas *canvas, cvips_place place, VipsImage *frame, bool is_blended);

/// A copy of what is in a place, to be freed with free(); NULL for want of memory.
uint8_t *cvips_keep(const cvips_canvas *canvas, cvips_place place);

/// Puts back what was kept of a place, or clears it where that is NULL.
void cvips_restore(const cvips_canvas *canvas, cvips_place place, const uint8_t *kept);

#endif
