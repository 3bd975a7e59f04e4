// Keys and values in 8 bits and attention to them: operators of libtorch's dispatcher around the
// kernels.

#include "QuantizedAttention.h"

#include "FusedOperators.h"

namespace nsarm {
namespace {

// Memory for `length` tokens; what is not written yet counts as zeros.
Tensor quantized_tokens(int64_t batch, int64_t heads, int64_t length, int64_t channels) {
  TORCH_CHECK(batch > 0 && heads > 0 && length > 0 && channels > 0 && channels % 4 == 0,
              "quantized_tokens takes sizes above 0 and channels in fours, not ", batch, ", ",
              heads, ", ", length, " and ", channels);
  QuantizedTokens t{nullptr, heads, length, channels};
  return at::zeros({batch, heads, round_up(length, quantized_block), t.bytes()}, at::kByte);
}

// The tokens in `memory`, which tensors [B, H, L, c] have to fit.
QuantizedTokens tokens_of(const Tensor &memory, const Tensor &x) {
  TORCH_CHECK(memory.dim() == 4 && memory.scalar_type() == at::kByte && memory.is_contiguous() &&
                  memory.device().is_cpu() && memory.size(2) % quantized_block == 0 &&
                  x.dim() == 4 && element(x) != Element::uint8,
              "expected numbers [B, H, L, c] and memory of quantized_tokens");
  QuantizedTokens t{static_cast<uint8_t *>(memory.data_ptr()), memory.size(1), memory.size(2),
                    x.size(3)};
  TORCH_CHECK(memory.size(0) == x.size(0) && memory.size(1) == x.size(1) &&
                  memory.size(3) == t.bytes() && x.size(3) % 4 == 0,
              "tokens ", x.sizes(), " do not fit memory ", memory.sizes());
  return t;
}

Tensor &quantized_append(Tensor &memory, const Tensor &keys, const Tensor &values, int64_t start) {
  QuantizedTokens tokens = tokens_of(memory, keys);
  TORCH_CHECK(keys.sizes() == values.sizes() && keys.scalar_type() == values.scalar_type(),
              "keys ", keys.sizes(), " and values ", values.sizes(), " differ in size or type");
  TORCH_CHECK(start >= 0 && start <= tokens.length - keys.size(2), "tokens ", start, " to ",
              start + keys.size(2), " do not fit memory for ", tokens.length);
  Tensor k = with_dense_rows(keys), v = with_dense_rows(values);
  QuantizedAppend t{tokens, element(k), rows_of(k), rows_of(v), start, k.size(2)};
  parallel(k.size(0) * k.size(1) * t.count, grain(k.size(3)),
           [&](int64_t begin, int64_t end) { kernels().quantized_append(t, begin, end); });
  return memory;
}

Tensor quantized_attention(const Tensor &q_, const Tensor &memory, int64_t keys) {
  QuantizedTokens tokens = tokens_of(memory, q_);
  TORCH_CHECK(keys > 0 && keys <= tokens.length, "attention to ", keys, " of ", tokens.length,
              " tokens");
  Tensor q = with_dense_rows(q_);
  int64_t batch = q.size(0), heads = q.size(1), queries = q.size(2), channels = q.size(3);
  Tensor result = at::empty({batch, queries, heads, channels}, q.options());
  QuantizedAttention t{tokens, element(q), queries, keys, rows_of(q), result.data_ptr()};
  int64_t products = std::max<int64_t>(1, std::min(queries, quantized_rows) * keys * channels);
  parallel(batch * heads * t.blocks(), std::max<int64_t>(1, 1000000 / products),
           [&](int64_t begin, int64_t end) {
             kernels().quantized_attention(t, begin, end, Scratch<float>(t.scratch()));
           });
  return result.transpose(1, 2);
}

Tensor quantized_attention_autograd(const Tensor &q, const Tensor &memory, int64_t keys) {
  TORCH_CHECK(!needs_graph({q}), "nsarm::quantized_attention has no derivatives");
  at::AutoDispatchBelowADInplaceOrView guard;
  return quantized_attention(q, memory, keys);
}

Tensor &quantized_append_autograd(Tensor &memory, const Tensor &keys, const Tensor &values,
                                  int64_t start) {
  TORCH_CHECK(!needs_graph({keys, values}), "nsarm::quantized_append has no derivatives");
  at::AutoDispatchBelowADInplaceOrView guard;
  return quantized_append(memory, keys, values, start);
}

TORCH_LIBRARY_FRAGMENT(nsarm, m) {
  m.def("quantized_tokens(int batch, int heads, int length, int channels) -> Tensor",
        quantized_tokens);
  m.def("quantized_append(Tensor(a!) memory, Tensor keys, Tensor values, int start) "
        "-> Tensor(a!)");
  m.def("quantized_attention(Tensor q, Tensor memory, int keys) -> Tensor");
}

TORCH_LIBRARY_IMPL(nsarm, CPU, m) {
  m.impl("quantized_append", quantized_append);
  m.impl("quantized_attention", quantized_attention);
}

TORCH_LIBRARY_IMPL(nsarm, AutogradCPU, m) {
  m.impl("quantized_append", quantized_append_autograd);
  m.impl("quantized_attention", quantized_attention_autograd);
}

}  // namespace
}  // namespace nsarm
