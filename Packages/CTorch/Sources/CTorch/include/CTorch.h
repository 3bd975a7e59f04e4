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

#define CT_API __attribute__((visibility("default")))

typedef void *ct_tensor;    // one owned reference to a tensor
typedef void *ct_operator;  // an operator of the dispatcher; lives for ever
typedef void *ct_generator;  // one owned reference to a generator of random numbers

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
CT_API void ct_free_message(ct_message message);

typedef enum {
  CT_WRONG_USE,      // a shape, a type, an operator that this libtorch lacks
  CT_OUT_OF_MEMORY,
  CT_DEVICE_FAILED,  // an accelerator, or the engine that runs primitives
} ct_error_kind;
CT_API int32_t ct_last_error_kind(void);  // of the message that the calling thread got last

// Process-wide state
// Makes the process's allocator (glibc's; elsewhere nothing happens) keep freed memory for itself.
CT_API void ct_keep_freed_memory(void);
CT_API ct_message ct_load_library(const char *path);
CT_API bool ct_device_available(const char *type);
CT_API ct_message ct_set_thread_count(int32_t count);
CT_API int32_t ct_thread_count(void);
CT_API const char *ct_version(void);

// Thread-local modes
CT_API bool ct_set_grad_mode(bool enabled);  // returns the previous value

// While it is on, the calling thread's operators and ct_tensor_copying give tensors on the CPU that
// have shapes but no elements, from operands of any kind, and leave these unchanged. So work that
// lacked a resource goes on to a place where it can end, without taking time or memory. Returns the
// previous value.
CT_API bool ct_set_shapes_only(bool enabled);

// For tests: lets the operator that the calling thread calls after `calls` others fail as an
// accelerator does; below 0: none.
CT_API void ct_fail_after(int64_t calls);

// What a region of autocast replaced.
typedef struct {
  bool enabled;
  int32_t dtype;
} ct_autocast;
// Enters a region in which autocast casts to `dtype`, or is off; `outer` is for ct_leave_autocast.
CT_API ct_message ct_enter_autocast(const char *device, bool enabled, int32_t dtype, ct_autocast *outer);
CT_API int32_t ct_autocast_dtype(const char *device);  // -1 outside of regions
CT_API ct_message ct_leave_autocast(const char *device, ct_autocast outer);

// Operators
CT_API ct_message ct_find_operator(const char *name, const char *overload, ct_operator *result);
// Calls an operator; missing trailing arguments take the schema's defaults. Results (tensors are
// owned by the caller) go to `results`, lists of tensors flattened; `result_count` holds the
// capacity before.
CT_API ct_message ct_call(ct_operator op, const ct_value *arguments, int32_t count,
                          ct_value *results, int32_t *result_count);

// Generators of random numbers on the CPU, each with a state of its own: libtorch's mt19937
CT_API ct_message ct_generator_create(uint64_t seed, ct_generator *result);
CT_API void ct_generator_release(ct_generator generator);

// Tensors
CT_API ct_message ct_tensor_copying(const void *bytes, int32_t dtype, const int64_t *sizes,
                                    int32_t dimensions, ct_tensor *result);
// Wraps memory that stays valid until `release(context)` is called.
CT_API ct_message ct_tensor_wrapping(void *bytes, int32_t dtype, const int64_t *sizes,
                                     int32_t dimensions, void (*release)(void *), void *context,
                                     ct_tensor *result);
CT_API void ct_tensor_release(ct_tensor tensor);
CT_API int32_t ct_tensor_dimensions(ct_tensor tensor);
CT_API ct_message ct_tensor_sizes(ct_tensor tensor, int64_t *sizes);
CT_API int32_t ct_tensor_dtype(ct_tensor tensor);  // libtorch's ScalarType
CT_API ct_message ct_tensor_device(ct_tensor tensor, char *text, int32_t capacity);
CT_API bool ct_tensor_is_contiguous(ct_tensor tensor);
CT_API void *ct_tensor_data(ct_tensor tensor);  // NULL unless it has elements on the CPU

// Autograd
CT_API bool ct_tensor_requires_grad(ct_tensor tensor);
CT_API ct_message ct_tensor_set_requires_grad(ct_tensor tensor, bool value);
CT_API ct_tensor ct_tensor_grad(ct_tensor tensor);  // NULL when there is none
CT_API ct_message ct_tensor_clear_grad(ct_tensor tensor);
CT_API ct_message ct_backward(ct_tensor loss);
// d(outputs)/d(inputs), optionally weighted; results[i] is NULL when inputs[i] was not used.
CT_API ct_message ct_gradients(const ct_tensor *outputs, const ct_tensor *weights, int32_t output_count,
                               const ct_tensor *inputs, int32_t input_count, bool retain_graph,
                               ct_tensor *results);

// What the calling thread's operators cost from start to stop, backward passes on the CPU included:
// calls, seconds without nested operators, and operations of matrix products, convolutions and
// attention.
CT_API ct_message ct_profile_start(void);
CT_API ct_message ct_profile_stop(void (*visit)(void *context, const char *name, int64_t calls,
                                                double seconds, double operations),
                                  void *context);

#ifdef __cplusplus
}
#endif
#endif
