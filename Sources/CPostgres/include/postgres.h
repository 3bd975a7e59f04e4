#ifndef CPOSTGRES_H
#define CPOSTGRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A connection and a result of libpq (PGconn, PGresult).
typedef struct cpostgres_connection cpostgres_connection;
typedef struct cpostgres_result cpostgres_result;

/// A parameter of a statement: text in its type's notation, or binary; NULL if `bytes` is NULL.
typedef struct {
  uint32_t type;  // the OID of the type
  const char *bytes;
  int32_t count;
  bool is_binary;
} cpostgres_value;

/// Loads libpq, once. False if it is not installed.
bool cpostgres_load(void);

/// Connects, and waits until the attempt has succeeded or failed. NULL only for want of memory.
cpostgres_connection *cpostgres_connect(const char *url);
bool cpostgres_is_connected(const cpostgres_connection *connection);
/// The connection's message about the last failure.
const char *cpostgres_problem(const cpostgres_connection *connection);
void cpostgres_close(cpostgres_connection *connection);

/// Runs one statement; its result is in binary format. NULL if the connection fails or the server
/// does not answer within the given number of seconds (`is_late`); the connection is then unusable.
cpostgres_result *cpostgres_run(
    cpostgres_connection *connection, const char *sql, const cpostgres_value *values, int32_t count,
    double seconds, bool *is_late);
/// Whether the statement succeeded.
bool cpostgres_succeeded(const cpostgres_result *result);
/// The SQLSTATE of a failure, five characters; NULL if there is none.
const char *cpostgres_state(const cpostgres_result *result);
int32_t cpostgres_row_count(const cpostgres_result *result);
int32_t cpostgres_column_count(const cpostgres_result *result);
const char *cpostgres_column_name(const cpostgres_result *result, int32_t column);
uint32_t cpostgres_column_type(const cpostgres_result *result, int32_t column);
/// NULL for SQL's NULL.
const char *cpostgres_bytes(
    const cpostgres_result *result, int32_t row, int32_t column, int32_t *count);
void cpostgres_release(cpostgres_result *result);

#endif
