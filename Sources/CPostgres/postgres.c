#include "postgres.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

// The functions of libpq that are used; their interface has not changed since PostgreSQL 8.
static struct {
  cpostgres_connection *(*connectdb)(const char *);
  int (*status)(const cpostgres_connection *);
  char *(*errorMessage)(const cpostgres_connection *);
  void (*finish)(cpostgres_connection *);
  int (*setnonblocking)(cpostgres_connection *, int);
  int (*sendQueryParams)(
      cpostgres_connection *, const char *, int, const unsigned *, const char *const *,
      const int *, const int *, int);
  int (*flush)(cpostgres_connection *);
  int (*socket)(const cpostgres_connection *);
  int (*consumeInput)(cpostgres_connection *);
  int (*isBusy)(cpostgres_connection *);
  cpostgres_result *(*getResult)(cpostgres_connection *);
  int (*resultStatus)(const cpostgres_result *);
  char *(*resultErrorField)(const cpostgres_result *, int);
  int (*ntuples)(const cpostgres_result *);
  int (*nfields)(const cpostgres_result *);
  char *(*fname)(const cpostgres_result *, int);
  unsigned (*ftype)(const cpostgres_result *, int);
  int (*getisnull)(const cpostgres_result *, int, int);
  char *(*getvalue)(const cpostgres_result *, int, int);
  int (*getlength)(const cpostgres_result *, int, int);
  void (*clear)(cpostgres_result *);
} pq;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_loaded = false;

static void load(void) {
  void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (!library) return;
  const struct { const char *name; void **function; } functions[] = {
    {"PQconnectdb", (void **)&pq.connectdb},
    {"PQstatus", (void **)&pq.status},
    {"PQerrorMessage", (void **)&pq.errorMessage},
    {"PQfinish", (void **)&pq.finish},
    {"PQsetnonblocking", (void **)&pq.setnonblocking},
    {"PQsendQueryParams", (void **)&pq.sendQueryParams},
    {"PQflush", (void **)&pq.flush},
    {"PQsocket", (void **)&pq.socket},
    {"PQconsumeInput", (void **)&pq.consumeInput},
    {"PQisBusy", (void **)&pq.isBusy},
    {"PQgetResult", (void **)&pq.getResult},
    {"PQresultStatus", (void **)&pq.resultStatus},
    {"PQresultErrorField", (void **)&pq.resultErrorField},
    {"PQntuples", (void **)&pq.ntuples},
    {"PQnfields", (void **)&pq.nfields},
    {"PQfname", (void **)&pq.fname},
    {"PQftype", (void **)&pq.ftype},
    {"PQgetisnull", (void **)&pq.getisnull},
    {"PQgetvalue", (void **)&pq.getvalue},
    {"PQgetlength", (void **)&pq.getlength},
    {"PQclear", (void **)&pq.clear},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    *functions[i].function = dlsym(library, functions[i].name);
    if (!*functions[i].function) return;
  }
  is_loaded = true;
}

bool cpostgres_load(void) {
  pthread_once(&once, load);
  return is_loaded;
}

cpostgres_connection *cpostgres_connect(const char *url) {
  cpostgres_connection *connection = pq.connectdb(url);
  // Non-blocking, so that waiting for a statement can time out.
  if (connection && pq.status(connection) == 0) pq.setnonblocking(connection, 1);
  return connection;
}

bool cpostgres_is_connected(const cpostgres_connection *connection) {
  return connection && pq.status(connection) == 0;
}

const char *cpostgres_problem(const cpostgres_connection *connection) {
  return connection ? pq.errorMessage(connection) : "no memory";
}

void cpostgres_close(cpostgres_connection *connection) { pq.finish(connection); }

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

// Whether the connection becomes ready for `events`, or for reading in any case, before `end`.
static bool wait_until(const cpostgres_connection *connection, short events, double end) {
  for (;;) {
    double left = end - now();
    if (left <= 0) return false;
    struct pollfd file = {.fd = pq.socket(connection), .events = events | POLLIN};
    int count = poll(&file, 1, (int)(left * 1000) + 1);
    if (count > 0) return true;
    if (count < 0 && errno != EINTR) return false;
  }
}

// Whether the statement has been sent and its whole result received before `end`.
static bool exchange(cpostgres_connection *connection, double end) {
  for (int left; (left = pq.flush(connection)) != 0;) {
    if (left < 0 || !wait_until(connection, POLLOUT, end)) return false;
    // The server may send before it accepts more.
    if (!pq.consumeInput(connection)) return false;
  }
  while (pq.isBusy(connection)) {
    if (!wait_until(connection, 0, end) || !pq.consumeInput(connection)) return false;
  }
  return true;
}

cpostgres_result *cpostgres_run(
    cpostgres_connection *connection, const char *sql, const cpostgres_value *values,
    int32_t count, double seconds, bool *is_late) {
  unsigned types[32];
  const char *bytes[32];
  int lengths[32], formats[32];
  if (count > 32) abort();
  for (int32_t i = 0; i < count; i++) {
    types[i] = values[i].type;
    bytes[i] = values[i].bytes;
    lengths[i] = values[i].count;
    formats[i] = values[i].is_binary;
  }
  *is_late = false;
  const double end = now() + seconds;
  if (!pq.sendQueryParams(connection, sql, count, types, bytes, lengths, formats, 1)) return NULL;
  cpostgres_result *result = NULL;
  for (;;) {
    if (!exchange(connection, end)) {
      *is_late = now() >= end;
      if (result) pq.clear(result);
      return NULL;
    }
    cpostgres_result *next = pq.getResult(connection);
    if (!next) return result;
    if (result) pq.clear(result);
    result = next;
  }
}

bool cpostgres_succeeded(const cpostgres_result *result) {
  if (!result) return false;
  int status = pq.resultStatus(result);
  return status == 1 || status == 2;  // PGRES_COMMAND_OK, PGRES_TUPLES_OK
}

const char *cpostgres_state(const cpostgres_result *result) {
  return result ? pq.resultErrorField(result, 'C') : NULL;  // PG_DIAG_SQLSTATE
}

int32_t cpostgres_row_count(const cpostgres_result *result) { return pq.ntuples(result); }
int32_t cpostgres_column_count(const cpostgres_result *result) { return pq.nfields(result); }

const char *cpostgres_column_name(const cpostgres_result *result, int32_t column) {
  return pq.fname(result, column);
}

uint32_t cpostgres_column_type(const cpostgres_result *result, int32_t column) {
  return pq.ftype(result, column);
}

const char *cpostgres_bytes(
    const cpostgres_result *result, int32_t row, int32_t column, int32_t *count) {
  *count = pq.getlength(result, row, column);
  return pq.getisnull(result, row, column) ? NULL : pq.getvalue(result, row, column);
}

void cpostgres_release(cpostgres_result *result) {
  if (result) pq.clear(result);
}
