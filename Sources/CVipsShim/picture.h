#ifndef CVIPS_PICTURE_H
#define CVIPS_PICTURE_H

#include "internal.h"

struct cvips_picture {
  char *path;
  int32_t page;        // negative: the main picture
  VipsImage *opened;   // grey or RGB, 8 or 16 bit, to be read once from top to bottom
  VipsImage *decoded;  // the same, oriented, random access; NULL until decoded
  int orientation;     // EXIF: 1...8
  bool is_jpeg, is_pfm;
  bool lacks_end;  // a JPEG file without its end marker
};

/// Opens the picture's page of the file, without applying the orientation.
VipsImage *cvips_open_page(cvips_picture *picture, cvips_header *header, char **error);

/// Adds libjpeg's findings about a whole file.
void cvips_check_jpeg(const char *path, cvips_findings *findings);

#endif
