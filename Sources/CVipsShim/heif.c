// Properties of HEIF and AVIF files that libvips does not report.

#include <stdio.h>
#include <string.h>

#include "codecs.h"
#include "internal.h"

#define APPLE_GAIN_MAP "urn:com:apple:photo:2020:aux:hdrgainmap"

static uint64_t big_endian(const uint8_t *bytes, int count) {
  uint64_t value = 0;
  for (int i = 0; i < count; i++) value = value << 8 | bytes[i];
  return value;
}

/// Reads the file's outermost boxes: its brands, and whether it has video tracks.
static void scan_boxes(const char *path, cvips_header *header) {
  FILE *file = fopen(path, "rb");
  uint64_t start = 0;
  for (int i = 0; file && i < 1000; i++) {
    uint8_t head[16], brand[4];
    if (fseeko(file, (off_t)start, SEEK_SET) != 0 || fread(head, 1, 8, file) != 8) break;
    uint64_t size = big_endian(head, 4), first = 8;
    if (size == 1) {
      if (fread(head + 8, 1, 8, file) != 8) break;
      size = big_endian(head + 8, 8), first = 16;
    }
    if (memcmp(head + 4, "moov", 4) == 0) header->is_sequence = true;
    if (memcmp(head + 4, "ftyp", 4) == 0)
      for (uint64_t at = first; at + 4 <= size && at < 4096; at += 4)
        if (fread(brand, 1, 4, file) == 4 && memcmp(brand, "tmap", 4) == 0)
          header->has_gain_map = true;
    if (size < first || size > INT64_MAX - start) break;
    start += size;
  }
  if (file) fclose(file);
}

static void note_auxiliaries(
    const cvips_heif_functions *heif, struct heif_image_handle *handle, cvips_header *header) {
  heif_item_id ids[64];
  int count = heif->heif_image_handle_get_list_of_auxiliary_image_IDs(
    handle, LIBHEIF_AUX_IMAGE_FILTER_OMIT_ALPHA | LIBHEIF_AUX_IMAGE_FILTER_OMIT_DEPTH, ids, 64);
  for (int32_t i = 0; i < count; i++) {
    struct heif_image_handle *auxiliary = NULL;
    const char *type = NULL;
    if (heif->heif_image_handle_get_auxiliary_image_handle(handle, ids[i], &auxiliary).code != 0)
      continue;
    if (heif->heif_image_handle_get_auxiliary_type(auxiliary, &type).code == 0 && type) {
      if (strcmp(type, APPLE_GAIN_MAP) == 0) header->has_gain_map = true;
      heif->heif_image_handle_free_auxiliary_types(auxiliary, &type);
    }
    heif->heif_image_handle_release(auxiliary);
  }
}

/// The main picture, or a page of the file in libvips' numbering.
static struct heif_image_handle *find_picture(
    const cvips_heif_functions *heif, struct heif_context *context, int32_t page, char **error) {
  struct heif_image_handle *handle = NULL;
  int count = heif->heif_context_get_number_of_top_level_images(context);
  if (page < 0) {
    cvips_is_heif_error(heif->heif_context_get_primary_image_handle(context, &handle), error);
  } else if (page >= count) {
    cvips_fail_with(error, "page %d of %d", page, count);
  } else {
    heif_item_id *ids = calloc((size_t)count, sizeof *ids);
    if (heif->heif_context_get_list_of_top_level_image_IDs(context, ids, count) > page)
      cvips_is_heif_error(heif->heif_context_get_image_handle(context, ids[page], &handle), error);
    else
      cvips_fail_with(error, "page %d of %d", page, count);
    free(ids);
  }
  return handle;
}

int cvips_read_heif(const char *path, int32_t page, cvips_header *header, char **error) {
  const cvips_heif_functions *heif = cvips_heif(error);
  if (!heif) return -1;
  struct heif_context *context = heif->heif_context_alloc();
  struct heif_image_handle *handle = NULL;
  if (!cvips_is_heif_error(heif->heif_context_read_from_file(context, path, NULL), error))
    handle = find_picture(heif, context, page, error);
  if (handle) {
    struct heif_color_profile_nclx *nclx = NULL;
    // From a colr box only: libheif makes up a profile for decoded pictures, but not here.
    if (heif->heif_image_handle_get_nclx_color_profile(handle, &nclx).code == 0 && nclx)
      header->cicp = (cvips_cicp){
        .known = true,
        .primaries = (uint8_t)nclx->color_primaries,
        .transfer = (uint8_t)nclx->transfer_characteristics,
        .matrix = (uint8_t)nclx->matrix_coefficients,
        .full_range = nclx->full_range_flag != 0,
      };
    if (nclx) heif->heif_nclx_color_profile_free(nclx);
    header->premultiplied = heif->heif_image_handle_is_premultiplied_alpha(handle) != 0;
    header->has_depth = heif->heif_image_handle_has_depth_image(handle) != 0;
    note_auxiliaries(heif, handle, header);
    scan_boxes(path, header);
    heif->heif_image_handle_release(handle);
  }
  heif->heif_context_free(context);
  return handle ? 0 : -1;
}
