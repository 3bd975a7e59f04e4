#define _GNU_SOURCE  // dl_iterate_phdr
#include "codecs.h"

#include <dlfcn.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#else
#include <link.h>
#endif
#include <pthread.h>
#include <string.h>

#include "internal.h"

/// A library to find, and the result: pointers to its functions are stored at `functions`, in the
/// order of `names`. `missing` is the name of the first function that it lacks.
typedef struct {
  const char *name;
  const char *const *names;
  void **functions;
  size_t count;
  bool loaded;
  const char *missing;
} library;

#define NAME(name) #name,
static cvips_heif_functions heif_functions;
static const char *const heif_names[] = {CVIPS_HEIF_FUNCTIONS(NAME)};
static library heif = {
  .name = "libheif",
  .names = heif_names,
  .functions = (void **)&heif_functions,
  .count = sizeof heif_names / sizeof *heif_names,
};

static cvips_jxl_functions jxl_functions;
static const char *const jxl_names[] = {CVIPS_JXL_FUNCTIONS(NAME)};
static library jxl = {
  .name = "libjxl",
  .names = jxl_names,
  .functions = (void **)&jxl_functions,
  .count = sizeof jxl_names / sizeof *jxl_names,
};
#undef NAME

/// Whether the file name of a path is like libheif.so.1 or libheif.1.dylib.
static bool is_named(const char *path, const char *name) {
  const char *slash = path ? strrchr(path, '/') : NULL;
  const char *file = slash ? slash + 1 : path;
  return file && strncmp(file, name, strlen(name)) == 0 && file[strlen(name)] == '.';
}

static void open_loaded(const char *path, library *library) {
  void *handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
  if (!handle) return;
  library->loaded = true;
  for (size_t i = 0; i < library->count && !library->missing; i++) {
    library->functions[i] = dlsym(handle, library->names[i]);
    if (!library->functions[i]) library->missing = library->names[i];
  }
}

#ifdef __APPLE__
static void find(library *library) {
  for (uint32_t i = 0; i < _dyld_image_count() && !library->loaded; i++)
    if (is_named(_dyld_get_image_name(i), library->name))
      open_loaded(_dyld_get_image_name(i), library);
}
#else
typedef struct {
  const char *name;
  char *path;
} search;

static int visit(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  search *search = data;
  if (!is_named(info->dlpi_name, search->name)) return 0;
  search->path = strdup(info->dlpi_name);
  return 1;
}

static void find(library *library) {
  search search = {library->name, NULL};
  dl_iterate_phdr(visit, &search);
  if (search.path) open_loaded(search.path, library);
  free(search.path);
}
#endif

static void find_libraries(void) {
  cvips_load_modules();
  find(&heif);
  find(&jxl);
}

static bool is_usable(const library *library, char **error) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  if (cvips_start(error) != 0) return false;
  pthread_once(&once, find_libraries);
  if (!library->loaded)
    cvips_fail_with(error, "%s is not installed, or libvips was built without it", library->name);
  else if (library->missing)
    cvips_fail_with(error, "the installed %s lacks %s", library->name, library->missing);
  return library->loaded && !library->missing;
}

const cvips_heif_functions *cvips_heif(char **error) {
  return is_usable(&heif, error) ? &heif_functions : NULL;
}

const cvips_jxl_functions *cvips_jxl(char **error) {
  if (!is_usable(&jxl, error)) return NULL;
  // Three of the functions lost a parameter in 0.9.
  if ((jxl_functions.JxlDecoderVersion() < 9000) == CVIPS_JXL_HAS_FORMAT_ARGUMENT)
    return &jxl_functions;
  cvips_fail_with(error, "the installed libjxl is not the version that this program was built for");
  return NULL;
}

bool cvips_is_heif_error(struct heif_error status, char **error) {
  if (status.code == heif_error_Ok) return false;
  cvips_fail_with(error, "%s", status.message ? status.message : "unknown error of libheif");
  return true;
}
