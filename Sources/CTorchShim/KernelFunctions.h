// The kernels by name, one KERNEL(result, name, parameters) each: the only place where a kernel is
// named beside its definition. Kernels.h makes the fields of `Kernels` of them, Kernels.ipp the
// table of an instruction set. A call computes part [begin, end) of a task, in the units that stand
// above the kernels, in their order.

// Norms.ipp: rows; chunks
KERNEL(void, norm, (const Norm &, int64_t begin, int64_t end))
KERNEL(void, norm_backward, (const NormBackward &, int64_t begin, int64_t end, float *scratch))

// GroupNorm.ipp: chunks of all samples, with 2 C numbers of scratch memory; positions of all
// samples
KERNEL(void, group_sums, (const GroupNorm &, int64_t begin, int64_t end, double *scratch))
KERNEL(void, group_norm, (const GroupNorm &, int64_t begin, int64_t end))

// Elements.ipp: elements; elements; elements; rows; chunks
KERNEL(void, quantize, (const Quantize &, int64_t begin, int64_t end))
KERNEL(void, gelu, (const Activation &, int64_t begin, int64_t end))
KERNEL(void, gelu_backward, (const ActivationBackward &, int64_t begin, int64_t end))
KERNEL(void, gate, (const Gate &, int64_t begin, int64_t end))
KERNEL(void, gate_backward, (const GateBackward &, int64_t begin, int64_t end))

// Heads.ipp: tokens; chunks
KERNEL(void, rotate_heads, (const RotateHeads &, int64_t begin, int64_t end, float *scratch))
KERNEL(void, rotate_heads_backward,
       (const RotateHeadsBackward &, int64_t begin, int64_t end, float *scratch))

// Attention.ipp: blocks of all heads
KERNEL(void, attention, (const Attention &, int64_t begin, int64_t end, float *scratch))

// QuantizedTokens.ipp: tokens of all heads
KERNEL(void, quantized_append, (const QuantizedAppend &, int64_t begin, int64_t end))

// QuantizedAttention.ipp: blocks of all heads
KERNEL(void, quantized_attention,
       (const QuantizedAttention &, int64_t begin, int64_t end, float *scratch))

// Linear.ipp: words of a packed matrix; panels; tasks
KERNEL(int64_t, linear_size, (Element type, int64_t outputs, int64_t inputs))
KERNEL(void, pack_linear, (const PackLinear &, int64_t begin, int64_t end))
KERNEL(void, linear, (const Linear &, int64_t begin, int64_t end, float *scratch))

// QuantizedLinear.ipp: panels; blocks of rows; panels
KERNEL(void, pack_matrix, (const PackMatrix &, int64_t begin, int64_t end, float *scratch))
KERNEL(void, pack_rows, (const PackRows &, int64_t begin, int64_t end, float *scratch))
KERNEL(void, product, (const Product &, int64_t begin, int64_t end, int32_t *scratch))

// Convolution.ipp: inputs, of weight [O, I, 3, 3] to `winograd_products` matrices, zero at first;
// tiles
KERNEL(void, pack_kernel,
       (const float *weight, int64_t inputs, int64_t outputs, float *packed, int64_t begin,
        int64_t end))
KERNEL(void, convolution, (const Convolution &, int64_t begin, int64_t end, float *scratch))

// DenseBlocks.ipp, null where nothing multiplies bfloat16: panels of outputs, of weight
// [O, I, 3, 3] of type bfloat16; blocks of pixels
KERNEL(void, pack_dense,
       (const uint16_t *weight, int64_t inputs, uint32_t *packed, int64_t begin, int64_t end))
KERNEL(void, dense_convolution,
       (const DenseConvolution &, int64_t begin, int64_t end, float *scratch))
