// A C interface to libtorch: tensors as opaque handles, and every ATen operator through libtorch's
// dispatcher, by its schema name. Functions that can fail return NULL on success or a message that
// the caller frees with ct_free_message; no C++ exception leaves any function.
#ifndef CTORCH_H
#define CTORCH_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void *ct_tensor;    // one owned reference to a tensor
typedef void *ct_operator;  // an operator of the dispatcher; lives for ever
typedef void *ct_generator;  // one owned reference to a generator of random numbers
typedef void *ct_store;      // one owned reference to a store of keys and values
typedef void *ct_group;      // one owned reference to a group of processes
typedef void *ct_reducer;    // one owned reference to a reducer of gradients

typedef enum {
  CT_NONE, CT_TENSOR, CT_INT, CT_DOUBLE, CT_BOOL, CT_STRING, CT_INTS, CT_DOUBLES, CT_TENSORS,
  CT_GENERATOR,
} ct_kind;

// One argument or result of an operator. `pointer` holds the tensor, the generator, the UTF-8 text,
// or `count` int64_t, double or ct_tensor elements.
typedef struct {
  int32_t kind;
  int64_t integer;
  double real;
  const void *pointer;
  int64_t count;
} ct_value;

typedef char *ct_message;

typedef enum {
  CT_WRONG_USE,      // a shape, a type, an operator that this libtorch lacks
  CT_OUT_OF_MEMORY,
  CT_DEVICE_FAILED,  // an accelerator, or the engine that runs primitives
  CT_GROUP_FAILED,   // another process of a group, the network, or the store
  CT_CLOSURE_FAILED, // the closure of a node: ct_take_closure_error has its error
} ct_error_kind;

// What a region of autocast replaced.
typedef struct {
  bool enabled;
  int32_t dtype;
} ct_autocast;

// A process's place in a group, and the store where its processes find each other.
typedef struct {
  int32_t rank, size;
  const char *host;
  int32_t port;
  bool agent_store;       // torchrun hosts the store; otherwise rank 0 does
  int32_t restart_count;  // of torchrun
} ct_launch;

// The backward pass of a node. `gradients` are those of its outputs, owned by the closure then, and
// NULL where there is none; `results` take owned gradients of its inputs, or NULL. Returns NULL, or
// the error, which goes to ct_take_closure_error or to `release_error`.
typedef struct {
  void *context;
  void *(*backward)(void *context, const ct_tensor *gradients, ct_tensor *results);
  void (*release)(void *context);
  void (*release_error)(void *error);
} ct_closure;

// A program has both these functions and those that implement them, which bear other names there.
#ifdef CTORCH_IMPLEMENTATION
#define CT_FUNCTION(result, name, parameters, arguments) \
  result name parameters __asm__("implementation_of_" #name);
#else
#define CT_FUNCTION(result, name, parameters, arguments) result name parameters;
#endif
#include "CTorchFunctions.h"
#undef CT_FUNCTION

#ifdef __cplusplus
}
#endif
#endif
