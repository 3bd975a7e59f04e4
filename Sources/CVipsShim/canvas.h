#ifndef CVIPS_CANVAS_H
#define CVIPS_CANVAS_H

#include <stdbool.h>
#include <stdint.h>
#include <vips/vips.h>

/// The surface on which the frames of an animation are drawn: grey or RGB, with alpha, 8 or 16 bit.
typedef struct {
  uint8_t *samples;
  size_t bands, row;  // bytes in a row
  bool wide;
  bool is_transparent;  // something with alpha has been drawn
} cvips_canvas;

/// A rectangle of the canvas.
typedef struct {
  uint32_t w, h, x, y;
} cvips_place;

/// Draws a frame in memory: blended with what is there, or replacing it. False if its size is not
/// the rectangle's or its format not the canvas'.
bool cvips_draw(cvips_canvas *canvas, cvips_place place, VipsImage *frame, bool is_blended);

/// A copy of a rectangle, to be freed with free(); NULL for want of memory.
uint8_t *cvips_keep(const cvips_canvas *canvas, cvips_place place);

/// Restores a copy of a rectangle, or clears the rectangle if the copy is NULL.
void cvips_restore(const cvips_canvas *canvas, cvips_place place, const uint8_t *kept);

#endif
