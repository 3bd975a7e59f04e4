// A C interface over SentencePiece: a model from a file's bytes, text to ids.
//
// Functions that can fail return NULL or false and set *error to a text that the caller frees with
// free(). No C++ exception leaves them.

#ifndef CSENTENCEPIECE_H
#define CSENTENCEPIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A loaded model; may be used from several threads at once.
typedef struct csp_model csp_model;

/// The model that a `.model` file of `count` bytes holds.
csp_model *csp_load(const void *bytes, size_t count, char **error);

void csp_release(csp_model *model);

/// Pieces of the vocabulary.
int32_t csp_size(const csp_model *model);

/// The ids of a UTF-8 text of `count` bytes, which the caller frees with free(); `*length` is how
/// many there are. NULL on failure only.
int32_t *csp_encode(
    const csp_model *model, const char *text, size_t count, size_t *length, char **error);

#ifdef __cplusplus
}
#endif

#endif
