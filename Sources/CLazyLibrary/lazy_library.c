#define _GNU_SOURCE  // dladdr
#include "CLazyLibrary.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static lazy_state fail(lazy_library *library, const char *path, const char *reason) {
  bool is_lack = strstr(reason, "failed to map segment") || strstr(reason, "annot allocate memory");
  snprintf(library->message, sizeof library->message, "%s cannot be loaded: %s: %s; %s",
           library->title, path, reason,
           is_lack ? "there is not enough memory or address space: raise ulimit -v"
                   : library->remedy);
  return LAZY_MISSING;
}

// Cuts a path's name off; false where it has no folder.
static bool cut_name(char *path) {
  char *slash = strrchr(path, '/');
  if (slash) *slash = 0;
  return slash != NULL;
}

static bool program_folder(char *folder) {
  ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
  if (length <= 0) return false;
  folder[length] = 0;
  return cut_name(folder);
}

static bool object_folder(const void *address, char *folder) {
  Dl_info object;
  if (dladdr(address, &object) == 0 || !object.dli_fname) return false;
  snprintf(folder, PATH_MAX, "%s", object.dli_fname);
  return cut_name(folder);
}

// Opens the library and returns its table, or NULL with the state of failure in `*failed`.
static const lazy_table *open_library(lazy_library *library, lazy_state *failed) {
  char folders[2][PATH_MAX], path[PATH_MAX + 64];
  bool known[] = {program_folder(folders[0]), object_folder(library, folders[1])};
  snprintf(path, sizeof path, "%s", library->file);
  bool is_there = false;
  for (int i = 1; i >= 0 && !is_there; i--) {  // the program's folder last, for the message
    if (!known[i]) continue;
    snprintf(path, sizeof path, "%s/%s", folders[i], library->file);
    is_there = access(path, F_OK) == 0;
  }
  int scope = library->is_global ? RTLD_GLOBAL : RTLD_LOCAL;
  void *handle = dlopen(is_there ? path : library->file, RTLD_LAZY | scope);
  if (!handle) {
    const char *reason = dlerror();
    bool is_missing = !is_there && strncmp(reason, library->file, strlen(library->file)) == 0;
    *failed = fail(library, path, is_missing ? "no such file" : reason);
    return NULL;
  }
  const lazy_table *(*entry)(void);
  *(void **)&entry = dlsym(handle, library->entry);
  if (entry) return entry();
  *failed = fail(library, path, "it is another version's");
  return NULL;
}

static lazy_state load(lazy_library *library) {
  lazy_state failed = LAZY_MISSING;
  const lazy_table *table = library->linked ? library->linked() : open_library(library, &failed);
  if (!table) return failed;
  bool fits = table->count == library->count;
  for (size_t i = 0; fits && i < library->count; i++) {
    fits = strcmp(table->names[i], library->names[i]) == 0;
    library->functions[i] = table->functions[i];
  }
  return fits ? LAZY_LOADED : fail(library, library->file, "it is another version's");
}

const char *lazy_load(lazy_library *library) {
  if (atomic_load_explicit(&library->state, memory_order_acquire) == LAZY_LOADED) return NULL;
  pthread_mutex_lock(&library->lock);
  if (library->state == LAZY_UNTRIED) {
    atomic_store_explicit(&library->state, load(library), memory_order_release);
  }
  pthread_mutex_unlock(&library->lock);
  return library->state == LAZY_LOADED ? NULL : library->message;
}

void lazy_demand_slowly(lazy_library *library) {
  const char *message = lazy_load(library);
  if (!message) return;
  fprintf(stderr, "error: %s\n", message);
  _exit(1);
}
