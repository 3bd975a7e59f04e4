// Products of 8-bit numbers, summed in 32 bits. A word holds four numbers that follow each other
// along the sum; a register holds LANES words, one for every column of the result.
//
// The first operand is unsigned, so signed numbers are offset by `dot_zero_point`, the second is
// signed. Processors with VNNI take numbers of 8 bits. Others add products in 16 bits, which four
// of them fit only if both operands have 7 bits: 4 * 127 * 63 < 2^15.
#pragma once

#include "Vectors.ipp"

namespace nsarm::NAMESPACE {

#ifdef DOT_VNNI
static const int dot_zero_point = 128, dot_first_limit = 255, dot_second_limit = 127;
#else
static const int dot_zero_point = 64, dot_first_limit = 127, dot_second_limit = 63;
#endif

typedef int16_t Halves __attribute__((vector_size(4 * LANES)));

// total + sum a1 b1 + sum a2 b2; all lanes have the same words a1 and a2 of the first operand.
static inline INLINE Integers plus_dots(Integers total, uint32_t a1, Integers b1, uint32_t a2,
                                        Integers b2) {
  Integers first = (Integers)(Bits{} + a1), second = (Integers)(Bits{} + a2);
#if defined(DOT_VNNI) && LANES == 16
  __m512i sum = _mm512_dpbusd_epi32((__m512i)total, (__m512i)first, (__m512i)b1);
  return (Integers)_mm512_dpbusd_epi32(sum, (__m512i)second, (__m512i)b2);
#elif defined(__x86_64__) && LANES == 16
  __m512i sum = _mm512_add_epi16(_mm512_maddubs_epi16((__m512i)first, (__m512i)b1),
                                 _mm512_maddubs_epi16((__m512i)second, (__m512i)b2));
  return total + (Integers)_mm512_madd_epi16(sum, _mm512_set1_epi16(1));
#elif defined(__x86_64__) && LANES == 8
  __m256i sum = _mm256_add_epi16(_mm256_maddubs_epi16((__m256i)first, (__m256i)b1),
                                 _mm256_maddubs_epi16((__m256i)second, (__m256i)b2));
  return total + (Integers)_mm256_madd_epi16(sum, _mm256_set1_epi16(1));
#else
  // Numbers 1 and 3 of a word, then 0 and 2.
  Halves sum = ((Halves)first >> 8) * ((Halves)b1 >> 8) + ((Halves)second >> 8) * ((Halves)b2 >> 8);
  sum += ((Halves)first & 255) * ((Halves)((Halves)b1 << 8) >> 8);
  sum += ((Halves)second & 255) * ((Halves)((Halves)b2 << 8) >> 8);
  return total + ((Integers)sum >> 16) + ((Integers)(Bits)((Bits)sum << 16) >> 16);
#endif
}

}  // namespace nsarm::NAMESPACE
