#ifndef CPOSTGRES_H
#define CPOSTGRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A connection and a result of libpq's (PGconn, PGresult).
typedef struct cpostgres_connection cpostgres_connection;
typedef struct cpostgres_result cpostgres_result;

/// A parameter of a statement: text in its type's notation, or bytes; NULL where `bytes` is.
typedef struct {
  uint32_t type;  // the type's OID
  const char *bytes;
  int32_t count;
  bool is_binary;
} cpostgres_value;

/// Loads libpq, once. False where it is not installed.
bool cpostgres_load(void);

/// Connects, and waits until that has succeeded or failed. Never NULL but without memory.
cpostgres_connection *cpostgres_connect(const char *url);
bool cpostgres_is_connected(const cpostgres_connection *connection);
/// What went wrong last, in the connection's own words.
const char *cpostgres_problem(const cpostgres_connection *connection);
void cpostgres_close(cpostgres_connection *connection);

/// Runs one statement; its result is in binary notation. NULL where the connection fails, or where
/// the server has not answered after so many seconds (`is_late`): then the connection is of no use
/// any more.
cpostgres_result *cpostgres_run(
    cpostgres_connection *connection, const char *sql, const cpostgres_value *values, int32_t count,
    double seconds, bool *is_late);
/// Whether the statement succeeded.
bool cpostgres_succeeded(const cpostgres_result *result);
/// The SQLSTATE of a failure, five characters; NULL where there is none.
const char *cpostgres_state(const cpostgres_result *result);
int32_t cpostgres_row_count(const cpostgres_result *result);
int32_t cpostgres_column_count(const cpostgres_result *result);
const char *cpostgres_column_name(const cpostgres_result *result, int32_t column);
uint32_t cpostgres_column_type(const cpostgres_result *result, int32_t column);
/// NULL for the value NULL.
const char *cpostgres_bytes(
    const cpostgres_result *result, int32_t row, int32_t column, int32_t *count);
void cpostgres_release(cpostgres_result *result);

#endif
