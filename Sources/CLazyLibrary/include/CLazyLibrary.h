// Dynamic libraries that are loaded when they are first wanted, so that programs that never want
// them start without them. A program calls functions of its own, which call the library's through a
// table of addresses (see CTorch).
#ifndef CLAZYLIBRARY_H
#define CLAZYLIBRARY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "lazy_table.h"

typedef enum { LAZY_UNTRIED, LAZY_LOADED, LAZY_MISSING } lazy_state;

typedef struct {
  const char *title;         // what it brings, for messages: "libtorch"
  const char *file;          // its name: "libCTorch.so"
  const char *entry;         // the name of its one exported function, which returns a lazy_table
  const lazy_table *(*linked)(void);  // that function, where it is linked into the program
  const char *remedy;        // what to do where it is missing, for messages
  const char *const *names;  // of the functions that the program calls
  void **functions;          // their addresses, as many
  size_t count;
  bool is_global;  // whether libraries that are loaded later find its symbols
  // Of lazy_load.
  _Atomic(lazy_state) state;
  pthread_mutex_t lock;
  char message[1024];
} lazy_library;

// Takes the library that is linked into the program, else loads it, once: from the folder of the
// program, else from that of the object that holds `library`, else from where the system looks.
// Returns NULL, or in one line why it cannot be loaded; the text stays.
const char *lazy_load(lazy_library *library);

// Loads the library or ends the process with that line.
void lazy_demand_slowly(lazy_library *library);

// The same, in a few instructions where it is loaded.
static inline void lazy_demand(lazy_library *library) {
  if (atomic_load_explicit(&library->state, memory_order_acquire) != LAZY_LOADED) {
    lazy_demand_slowly(library);
  }
}

#endif
