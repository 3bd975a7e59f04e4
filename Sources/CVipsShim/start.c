#define _GNU_SOURCE  // dladdr
#include <dlfcn.h>
#include <gmodule.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static int start_status = -1;

static _Atomic(cvips_receiver) receiver;

/// Warnings about odd but readable files are not for the user's terminal; callers can request them.
static void pass(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data) {
  (void)data;
  cvips_receiver receive = receiver;
  if (receive && (level & G_LOG_LEVEL_MASK) <= G_LOG_LEVEL_WARNING) receive(domain, text);
}

/// Warnings of other libraries are printed by default, as they would be without this one.
static void pass_other(
  const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data) {
  if (receiver) pass(domain, level, text, data);
  else g_log_default_handler(domain, level, text, data);
}

void cvips_receive_warnings(cvips_receiver receive) {
  receiver = receive;
  g_log_set_default_handler(pass_other, NULL);
}

static void allow_reader(const char *name) { vips_operation_block_set(name, FALSE); }

static void start(void) {
  g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_INFO, pass, NULL);
  start_status = vips_init("nsarm");
  if (start_status != 0) return;
  // The operation cache is keyed by file name and would return stale pixels of a rewritten file.
  vips_cache_set_max(0);
  // Readers of documents, scripts and microscope formats are an attack surface, not a feature.
  vips_operation_block_set("VipsForeignLoad", TRUE);
  static const char *const readers[] = {
    "VipsForeignLoadJpeg", "VipsForeignLoadPng", "VipsForeignLoadWebp", "VipsForeignLoadTiff",
    "VipsForeignLoadNsgif", "VipsForeignLoadPpm", "VipsForeignLoadJp2k", "VipsForeignLoadRaw"
  };
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) allow_reader(readers[i]);
}

int cvips_start(char **error) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, start);
  return start_status == 0 ? 0 : cvips_fail(error);
}

/// libvips loads modules from the folder it was compiled for, unless it is told otherwise
/// (VIPSHOME) or was moved with the program; the two modules used here are then beside it. Modules
/// of other versions have no place there.
static void load_missing_modules(void) {
  Dl_info library;
  if (vips_type_find("VipsOperation", "heifsave") && vips_type_find("VipsOperation", "jxlsave"))
    return;
  if (dladdr((const void *)vips_init, &library) == 0) return;
  char *folder = g_path_get_dirname(library.dli_fname);
  static const char *const modules[] = {"heif", "jxl"};
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
    char *path = g_strdup_printf(
      "%s/vips-modules-%d.%d/vips-%s.so", folder, vips_version(0), vips_version(1), modules[i]);
    // Local, since no symbol of a module is looked up; resident, since its types stay registered.
    GModule *module = g_module_open(path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
    if (module) g_module_make_resident(module);
    g_free(path);
  }
  g_free(folder);
}

static void load_modules(void) {
  load_missing_modules();
  allow_reader("VipsForeignLoadHeif");
  allow_reader("VipsForeignLoadJxl");
}

void cvips_load_modules(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load_modules);
}

bool cvips_can_write(cvips_format format) {
  static const char *const savers[] = {
    "jpegsave", "pngsave", "webpsave", "tiffsave", NULL, "jxlsave"
  };
  char *error = NULL;
  if (cvips_start(&error) != 0) {
    free(error);
    return false;
  }
  if (format == CVIPS_AVIF) return cvips_has_avif_encoder();
  if (format == CVIPS_JXL) cvips_load_modules();
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
