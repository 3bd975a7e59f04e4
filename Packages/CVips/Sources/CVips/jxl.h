#ifndef CVIPS_JXL_H
#define CVIPS_JXL_H

#include "codecs.h"
#include "internal.h"

/// More than metadata take; what is packed into a box may claim any size.
#define BOX_LIMIT (16 << 20)

#if CVIPS_JXL_HAS_FORMAT_ARGUMENT
#define CVIPS_JXL_PROFILE(target) NULL, JXL_COLOR_PROFILE_TARGET_##target
#else
#define CVIPS_JXL_PROFILE(target) JXL_COLOR_PROFILE_TARGET_##target
#endif

/// A decoder at work on a file, which is in memory.
typedef struct {
  const cvips_jxl_functions *jxl;
  gchar *bytes;
  gsize count;
  JxlDecoder *decoder;
} cvips_jxl_reading;

/// Starts to read a file; to be ended by cvips_jxl_finish(), also where it fails.
int cvips_jxl_start(cvips_jxl_reading *reading, const char *path, char **error);

/// Begins at the file's start, to be told of some events.
int cvips_jxl_subscribe(cvips_jxl_reading *reading, int events, char **error);

void cvips_jxl_finish(cvips_jxl_reading *reading);

/// Whether libjxl would hand out linear sRGB for want of a colour management: samples are stored
/// without loss of colours beyond it, but their profile is none that libjxl can make by itself.
bool cvips_jxl_loses_colours(const cvips_jxl_reading *reading, const JxlBasicInfo *info);

#endif
