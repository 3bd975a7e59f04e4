#ifndef CVIPS_CODECS_H
#define CVIPS_CODECS_H

#include <jxl/decode.h>
#include <jxl/version.h>
#include <libheif/heif.h>
#include <stdbool.h>

/// The functions of libheif and libjxl that are called directly. libvips loads both libraries only
/// when a picture needs them, so the functions are looked up in the loaded libraries, not linked.
#define CVIPS_HEIF_FUNCTIONS(use) \
  use(heif_context_alloc) \
  use(heif_context_free) \
  use(heif_context_read_from_file) \
  use(heif_context_get_primary_image_handle) \
  use(heif_context_get_number_of_top_level_images) \
  use(heif_context_get_list_of_top_level_image_IDs) \
  use(heif_context_get_image_handle) \
  use(heif_image_handle_release) \
  use(heif_image_handle_is_premultiplied_alpha) \
  use(heif_image_handle_get_nclx_color_profile) \
  use(heif_image_handle_has_depth_image) \
  use(heif_image_handle_get_list_of_auxiliary_image_IDs) \
  use(heif_image_handle_get_auxiliary_image_handle) \
  use(heif_image_handle_get_auxiliary_type) \
  use(heif_image_handle_free_auxiliary_types) \
  use(heif_have_encoder_for_format) \
  use(heif_context_get_encoder_for_format) \
  use(heif_encoder_release) \
  use(heif_encoder_set_lossy_quality) \
  use(heif_encoder_set_lossless) \
  use(heif_encoder_set_parameter_integer) \
  use(heif_encoder_set_parameter_string) \
  use(heif_encoding_options_alloc) \
  use(heif_encoding_options_free) \
  use(heif_image_create) \
  use(heif_image_release) \
  use(heif_image_add_plane) \
  use(heif_image_get_plane) \
  use(heif_image_set_raw_color_profile) \
  use(heif_image_set_nclx_color_profile) \
  use(heif_nclx_color_profile_alloc) \
  use(heif_nclx_color_profile_free) \
  use(heif_context_encode_image) \
  use(heif_context_add_exif_metadata) \
  use(heif_context_add_XMP_metadata) \
  use(heif_context_write)

#define CVIPS_JXL_FUNCTIONS(use) \
  use(JxlDecoderVersion) \
  use(JxlDecoderCreate) \
  use(JxlDecoderDestroy) \
  use(JxlDecoderSubscribeEvents) \
  use(JxlDecoderProcessInput) \
  use(JxlDecoderSetInput) \
  use(JxlDecoderCloseInput) \
  use(JxlDecoderGetBasicInfo) \
  use(JxlDecoderGetICCProfileSize) \
  use(JxlDecoderGetColorAsICCProfile) \
  use(JxlDecoderGetColorAsEncodedProfile) \
  use(JxlDecoderSetPreferredColorProfile) \
  use(JxlDecoderSkipFrames) \
  use(JxlDecoderImageOutBufferSize) \
  use(JxlDecoderSetImageOutBuffer) \
  use(JxlDecoderSetDecompressBoxes) \
  use(JxlDecoderGetBoxType) \
  use(JxlDecoderSetBoxBuffer) \
  use(JxlDecoderReleaseBoxBuffer)

/// Whether the functions that read the colour profile take a pixel format, which they ignore.
#define CVIPS_JXL_HAS_FORMAT_ARGUMENT \
  (JPEGXL_NUMERIC_VERSION < JPEGXL_COMPUTE_NUMERIC_VERSION(0, 9, 0))

#define CVIPS_POINTER(name) __typeof__(name) *name;
typedef struct {
  CVIPS_HEIF_FUNCTIONS(CVIPS_POINTER)
} cvips_heif_functions;
typedef struct {
  CVIPS_JXL_FUNCTIONS(CVIPS_POINTER)
} cvips_jxl_functions;
#undef CVIPS_POINTER

/// The functions of libheif; NULL with *error if it is missing or too old.
const cvips_heif_functions *cvips_heif(char **error);

/// The same for libjxl.
const cvips_jxl_functions *cvips_jxl(char **error);

/// Whether a function of libheif failed; its message is passed to the caller then.
bool cvips_is_heif_error(struct heif_error status, char **error);

#endif
