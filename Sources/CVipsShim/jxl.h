#ifndef CVIPS_JXL_H
#define CVIPS_JXL_H

#include "codecs.h"
#include "internal.h"

/// A generous limit for metadata, since a compressed box may claim any size.
#define BOX_LIMIT (16 << 20)

#if CVIPS_JXL_HAS_FORMAT_ARGUMENT
#define CVIPS_JXL_PROFILE(target) NULL, JXL_COLOR_PROFILE_TARGET_##target
#else
#define CVIPS_JXL_PROFILE(target) JXL_COLOR_PROFILE_TARGET_##target
#endif

/// A decoder with its file, which is in memory.
typedef struct {
  const cvips_jxl_functions *jxl;
  gchar *bytes;
  gsize count;
  JxlDecoder *decoder;
} cvips_jxl_reading;

/// Opens a file; cvips_jxl_finish() must be called even if this fails.
int cvips_jxl_start(cvips_jxl_reading *reading, const char *path, char **error);

/// Rewinds to the file's start and subscribes to some events.
int cvips_jxl_subscribe(cvips_jxl_reading *reading, int events, char **error);

void cvips_jxl_finish(cvips_jxl_reading *reading);

/// Whether libjxl would output linear sRGB for want of colour management: samples are stored
/// losslessly with colours beyond sRGB, but their profile is not one that libjxl can generate.
bool cvips_jxl_loses_colours(const cvips_jxl_reading *reading, const JxlBasicInfo *info);

#endif
