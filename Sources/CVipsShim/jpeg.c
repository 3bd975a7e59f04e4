// libjpeg's warnings about a whole JPEG file: libvips stops at the last row and ignores earlier
// damage.

#include <stdio.h>
#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>

#include "picture.h"

typedef struct {
  struct jpeg_error_mgr manager;
  jmp_buf end;
  cvips_findings *findings;
} errors;

static void stop(j_common_ptr info) { longjmp(((errors *)info->err)->end, 1); }

static void note(j_common_ptr info, int level) {
  errors *errors = (void *)info->err;
  if (level >= 0) return;  // trace messages
  if (info->err->msg_code == JWRN_JPEG_EOF)
    errors->findings->lacks_end = true;
  else
    errors->findings->damaged = true;
}

void cvips_check_jpeg(const char *path, cvips_findings *findings) {
  FILE *file = fopen(path, "rb");
  if (!file) return;
  struct jpeg_decompress_struct info;
  errors errors = {.findings = findings};
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = stop;
  errors.manager.emit_message = note;
  jpeg_create_decompress(&info);
  if (setjmp(errors.end) == 0) {
    jpeg_stdio_src(&info, file);
    jpeg_read_header(&info, TRUE);
    // Reads the whole file, at an eighth of the size.
    info.scale_num = 1, info.scale_denom = 8;
    info.out_color_space = info.jpeg_color_space;
    jpeg_start_decompress(&info);
    JSAMPARRAY row = info.mem->alloc_sarray(
      (j_common_ptr)&info, JPOOL_IMAGE, info.output_width * (JDIMENSION)info.output_components, 1);
    while (info.output_scanline < info.output_height) jpeg_read_scanlines(&info, row, 1);
    jpeg_finish_decompress(&info);
  }
  jpeg_destroy_decompress(&info);
  fclose(file);
}
