#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int start_status = -1;

static void discard(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data) {
  (void)domain, (void)level, (void)text, (void)data;
}

static void start(void) {
  // Warnings about odd but readable files are not for the user's terminal.
  g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_INFO, discard, NULL);
  start_status = vips_init("nsarm");
  if (start_status != 0) return;
  // The operation cache is keyed by file name and would return stale pixels of a rewritten file.
  vips_cache_set_max(0);
  // Readers of documents, scripts and microscope formats are an attack surface, not a feature.
  vips_operation_block_set("VipsForeignLoad", TRUE);
  static const char *const readers[] = {
    "VipsForeignLoadJpeg", "VipsForeignLoadPng",   "VipsForeignLoadWebp", "VipsForeignLoadTiff",
    "VipsForeignLoadHeif", "VipsForeignLoadJxl",   "VipsForeignLoadNsgif", "VipsForeignLoadPpm",
    "VipsForeignLoadJp2k", "VipsForeignLoadRaw"
  };
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
    vips_operation_block_set(readers[i], FALSE);
}

int cvips_start(char **error) {
  pthread_once(&once, start);
  return start_status == 0 ? 0 : cvips_fail(error);
}

const char *cvips_version(void) { return vips_version_string(); }

bool cvips_can_write(cvips_format format) {
  static const char *const savers[] = {
    "jpegsave", "pngsave", "webpsave", "tiffsave", "heifsave", "jxlsave"
  };
  char *error = NULL;
  if (cvips_start(&error) != 0) {
    free(error);
    return false;
  }
  return vips_type_find("VipsOperation", savers[format]) != 0;
}

int cvips_fail(char **error) {
  char *text = vips_error_buffer_copy();
  g_strstrip(text);
  for (char *c = text; *c; c++)
    if (*c == '\n' || *c == '\r') *c = ';';
  if (error) *error = strdup(*text ? text : "unknown error of the image library");
  g_free(text);
  return -1;
}

int cvips_fail_with(char **error, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char text[512];
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (error) *error = strdup(text);
  return -1;
}
