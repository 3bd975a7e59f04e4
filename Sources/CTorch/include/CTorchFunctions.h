// The functions of the C interface, one CT_FUNCTION(result, name, parameters, arguments) each.
// CTorch.h declares them; loader.c defines them as calls through a table of addresses; CTorchShim
// implements them and makes the table.

CT_FUNCTION(void, ct_free_message, (ct_message message), (message))
CT_FUNCTION(int32_t, ct_last_error_kind, (void), ())  // of the calling thread's last message

// Process-wide state
CT_FUNCTION(ct_message, ct_load_library, (const char *path), (path))
CT_FUNCTION(bool, ct_device_available, (const char *type), (type))
CT_FUNCTION(ct_message, ct_set_thread_count, (int32_t count), (count))
CT_FUNCTION(int32_t, ct_thread_count, (void), ())
CT_FUNCTION(const char *, ct_version, (void), ())

// Thread-local modes
CT_FUNCTION(bool, ct_set_grad_mode, (bool enabled), (enabled))  // returns the previous value
// While it is on, operators and ct_tensor_copying give tensors on the CPU that have shapes but no
// elements, from operands of any kind, and leave these unchanged. So work that lacked a resource
// goes on to a place where it can end, without taking time or memory. Returns the previous value.
CT_FUNCTION(bool, ct_set_shapes_only, (bool enabled), (enabled))
// For tests: lets the operator that is called after `calls` others fail as an accelerator does;
// below 0: none.
CT_FUNCTION(void, ct_fail_after, (int64_t calls), (calls))
// Enters a region in which autocast casts to `dtype`, or is off; `outer` is for ct_leave_autocast.
CT_FUNCTION(ct_message, ct_enter_autocast,
            (const char *device, bool enabled, int32_t dtype, ct_autocast *outer),
            (device, enabled, dtype, outer))
CT_FUNCTION(int32_t, ct_autocast_dtype, (const char *device), (device))  // -1 outside of regions
CT_FUNCTION(ct_message, ct_leave_autocast, (const char *device, ct_autocast outer), (device, outer))

// Operators
CT_FUNCTION(ct_message, ct_find_operator,
            (const char *name, const char *overload, ct_operator *result), (name, overload, result))
// Calls an operator; missing trailing arguments take the schema's defaults. Results (tensors are
// owned by the caller) go to `results`, lists of tensors flattened; `result_count` holds the
// capacity before.
CT_FUNCTION(ct_message, ct_call,
            (ct_operator op, const ct_value *arguments, int32_t count, ct_value *results,
             int32_t *result_count),
            (op, arguments, count, results, result_count))

// Generators of random numbers on the CPU, each with a state of its own: libtorch's mt19937
CT_FUNCTION(ct_message, ct_generator_create, (uint64_t seed, ct_generator *result), (seed, result))
CT_FUNCTION(void, ct_generator_release, (ct_generator generator), (generator))

// Tensors
CT_FUNCTION(ct_message, ct_tensor_copying,
            (const void *bytes, int32_t dtype, const int64_t *sizes, int32_t dimensions,
             ct_tensor *result),
            (bytes, dtype, sizes, dimensions, result))
// Wraps memory that stays valid until `release(context)` is called.
CT_FUNCTION(ct_message, ct_tensor_wrapping,
            (void *bytes, int32_t dtype, const int64_t *sizes, int32_t dimensions,
             void (*release)(void *), void *context, ct_tensor *result),
            (bytes, dtype, sizes, dimensions, release, context, result))
CT_FUNCTION(void, ct_tensor_release, (ct_tensor tensor), (tensor))
CT_FUNCTION(ct_tensor, ct_tensor_retain, (ct_tensor tensor), (tensor))  // another reference
CT_FUNCTION(int32_t, ct_tensor_dimensions, (ct_tensor tensor), (tensor))
CT_FUNCTION(ct_message, ct_tensor_sizes, (ct_tensor tensor, int64_t *sizes), (tensor, sizes))
CT_FUNCTION(int32_t, ct_tensor_dtype, (ct_tensor tensor), (tensor))  // libtorch's ScalarType
CT_FUNCTION(ct_message, ct_tensor_device, (ct_tensor tensor, char *text, int32_t capacity),
            (tensor, text, capacity))
CT_FUNCTION(bool, ct_tensor_is_contiguous, (ct_tensor tensor), (tensor))
CT_FUNCTION(void *, ct_tensor_data, (ct_tensor tensor), (tensor))  // NULL unless it has elements on the CPU

// Autograd
CT_FUNCTION(bool, ct_tensor_requires_grad, (ct_tensor tensor), (tensor))
CT_FUNCTION(ct_message, ct_tensor_set_requires_grad, (ct_tensor tensor, bool value),
            (tensor, value))
CT_FUNCTION(ct_tensor, ct_tensor_grad, (ct_tensor tensor), (tensor))  // NULL when there is none
CT_FUNCTION(ct_message, ct_tensor_clear_grad, (ct_tensor tensor), (tensor))
CT_FUNCTION(ct_message, ct_backward, (ct_tensor loss), (loss))
// d(outputs)/d(inputs), optionally weighted; results[i] is NULL when inputs[i] was not used.
CT_FUNCTION(ct_message, ct_gradients,
            (const ct_tensor *outputs, const ct_tensor *weights, int32_t output_count,
             const ct_tensor *inputs, int32_t input_count, bool retain_graph, ct_tensor *results),
            (outputs, weights, output_count, inputs, input_count, retain_graph, results))
// Gives `outputs`, which were computed outside of the graph, a node of it whose backward pass is
// `closure`; where no input needs a gradient, they come back as they are. Takes the closure over.
CT_FUNCTION(ct_message, ct_custom_node,
            (const ct_tensor *inputs, int32_t input_count, const ct_tensor *outputs,
             int32_t output_count, ct_closure closure, ct_tensor *results),
            (inputs, input_count, outputs, output_count, closure, results))
// The error behind the calling thread's last message, of kind CT_CLOSURE_FAILED; the caller's now.
CT_FUNCTION(void *, ct_take_closure_error, (void), ())

// Stores of keys and values over TCP
CT_FUNCTION(ct_message, ct_store_create,
            (const char *host, int32_t port, bool is_server, int32_t world_size, double seconds,
             ct_store *result),
            (host, port, is_server, world_size, seconds, result))  // world_size 0: nobody is waited for
CT_FUNCTION(void, ct_store_release, (ct_store store), (store))
CT_FUNCTION(ct_message, ct_store_set, (ct_store store, const char *key, const char *value),
            (store, key, value))
// Waits for the key; the text is for ct_free_message.
CT_FUNCTION(ct_message, ct_store_get,
            (ct_store store, const char *key, double seconds, char **result),
            (store, key, seconds, result))
CT_FUNCTION(ct_message, ct_store_has, (ct_store store, const char *key, bool *result),
            (store, key, result))
CT_FUNCTION(ct_message, ct_store_add,
            (ct_store store, const char *key, int64_t amount, int64_t *result),
            (store, key, amount, result))

// Groups of processes
CT_FUNCTION(ct_message, ct_group_create,
            (const ct_launch *launch, const char *backend, const char *device, double seconds,
             ct_group *result),
            (launch, backend, device, seconds, result))
CT_FUNCTION(void, ct_group_release, (ct_group group), (group))
CT_FUNCTION(ct_message, ct_group_sum, (ct_group group, const ct_tensor *tensors, int32_t count),
            (group, tensors, count))  // in place
CT_FUNCTION(ct_message, ct_group_broadcast,
            (ct_group group, const ct_tensor *tensors, int32_t count, int32_t root),
            (group, tensors, count, root))  // in place
CT_FUNCTION(ct_message, ct_group_reduce_scatter,
            (ct_group group, ct_tensor input, ct_tensor output), (group, input, output))
CT_FUNCTION(ct_message, ct_group_all_gather,
            (ct_group group, ct_tensor input, ct_tensor output), (group, input, output))
CT_FUNCTION(ct_message, ct_group_barrier, (ct_group group), (group))
CT_FUNCTION(int64_t, ct_group_bytes_sent, (ct_group group), (group))

// Gradients averaged over a group while the backward pass runs
CT_FUNCTION(ct_message, ct_reducer_create,
            (const ct_tensor *parameters, int32_t count, ct_group group, int64_t bucket_bytes,
             ct_reducer *result),
            (parameters, count, group, bucket_bytes, result))
CT_FUNCTION(void, ct_reducer_release, (ct_reducer reducer), (reducer))
CT_FUNCTION(ct_message, ct_reducer_prepare, (ct_reducer reducer, ct_tensor loss), (reducer, loss))

// What the calling thread's operators cost from start to stop, backward passes on the CPU included:
// calls, seconds without nested operators, and operations of matrix products, convolutions and
// attention.
CT_FUNCTION(ct_message, ct_profile_start, (void), ())
CT_FUNCTION(ct_message, ct_profile_stop,
            (void (*visit)(void *context, const char *name, int64_t calls, double seconds,
                           double operations),
             void *context),
            (visit, context))
