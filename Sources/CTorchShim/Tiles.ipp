// Matrix products on AMX's tiles; nothing without TILES. A tile is a register of 16 rows of 64
// bytes. Words of 32 bits hold two numbers of type bfloat16, or four of 8 bits, that follow each
// other along the sum: a tile of the first operand is 16 rows of 16 words, one of the second 16
// words of 16 columns, one of sums 16 rows of 16 columns.
//
// Every element is summed in one order, whatever tiles are computed together.
#pragma once

#include "Vectors.ipp"

#ifdef TILES
namespace nsarm::NAMESPACE {

static const int64_t tile_height = 16, tile_words = 16, tile_width = 16;

// While it lives, all tiles have their full size. Then this thread's tiles are as they were: oneDNN
// may leave its own from one call to the next.
class Tiles {
  struct alignas(64) Configuration {
    uint8_t palette = 0, first_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {};
    uint8_t rows[16] = {};
  };
  Configuration before;

 public:
  TARGET Tiles() {
    _tile_storeconfig(&before);
    Configuration full;
    full.palette = 1;
    for (int i = 0; i < 8; i++) {
      full.row_bytes[i] = 64;
      full.rows[i] = tile_height;
    }
    _tile_loadconfig(&full);
  }
  TARGET ~Tiles() { _tile_loadconfig(&before); }
  Tiles(const Tiles &) = delete;
};

// Rows of words, `stride` bytes apart, the words of the next step `step` bytes further.
struct TileRows {
  const void *start;
  int64_t stride, step;
};

// sums [16 rows, 16 columns] = a b over `steps` of 16 words, or plus what they are unless `first`.
// Strides are in bytes. Reads and writes whole tiles.
template <bool integers, int rows, int columns>
static inline INLINE void multiply_tiles(const char *a, int64_t a_stride, int64_t a_step,
                                         const char *b, int64_t b_stride, int64_t steps,
                                         char *sums, int64_t stride, bool first) {
  // Tiles 0 to 3 are sums, 4 and 5 of the first operand, 6 and 7 of the second.
#define NSARM_DOT(sum, a, b)                             \
  if constexpr (integers) _tile_dpbusd(sum, a, b);       \
  else _tile_dpbf16ps(sum, a, b)
  // GCC does not know that tiles are loaded from memory.
  __asm__ volatile("" ::: "memory");
  char *below = sums + tile_height * stride;
  if (first) {
    _tile_zero(0);
    if constexpr (columns > 1) _tile_zero(1);
    if constexpr (rows > 1) _tile_zero(2);
    if constexpr (rows > 1 && columns > 1) _tile_zero(3);
  } else {
    _tile_loadd(0, sums, stride);
    if constexpr (columns > 1) _tile_loadd(1, sums + 64, stride);
    if constexpr (rows > 1) _tile_loadd(2, below, stride);
    if constexpr (rows > 1 && columns > 1) _tile_loadd(3, below + 64, stride);
  }
  for (int64_t step = 0; step < steps; step++, a += a_step, b += tile_words * b_stride) {
    _tile_loadd(6, b, b_stride);
    _tile_loadd(4, a, a_stride);
    NSARM_DOT(0, 4, 6);
    if constexpr (rows > 1) {
      _tile_loadd(5, a + tile_height * a_stride, a_stride);
      NSARM_DOT(2, 5, 6);
    }
    if constexpr (columns > 1) {
      _tile_loadd(7, b + 64, b_stride);
      NSARM_DOT(1, 4, 7);
      if constexpr (rows > 1) {
        NSARM_DOT(3, 5, 7);
      }
    }
  }
  _tile_stored(0, sums, stride);
  if constexpr (columns > 1) _tile_stored(1, sums + 64, stride);
  if constexpr (rows > 1) _tile_stored(2, below, stride);
  if constexpr (rows > 1 && columns > 1) _tile_stored(3, below + 64, stride);
#undef NSARM_DOT
}

// sums [rows, columns] = a b: of all rows and columns, rounded up to whole tiles.
template <bool integers>
static TARGET void multiply_all_tiles(TileRows a, int64_t rows, const void *b, int64_t b_stride,
                                      int64_t columns, int64_t steps, void *sums, int64_t stride,
                                      bool first = true) {
  auto run = [&](auto multiply_two, auto multiply_one, int64_t column) INLINE {
    auto b_column = static_cast<const char *>(b) + 4 * column;
    for (int64_t row = 0; row < rows; row += 2 * tile_height) {
      auto a_row = static_cast<const char *>(a.start) + row * a.stride;
      auto sums_row = static_cast<char *>(sums) + row * stride + 4 * column;
      if (row + tile_height < rows)
        multiply_two(a_row, a.stride, a.step, b_column, b_stride, steps, sums_row, stride, first);
      else
        multiply_one(a_row, a.stride, a.step, b_column, b_stride, steps, sums_row, stride, first);
    }
  };
  int64_t column = 0;
  for (; column + tile_width < columns; column += 2 * tile_width)
    run(multiply_tiles<integers, 2, 2>, multiply_tiles<integers, 1, 2>, column);
  if (column < columns)
    run(multiply_tiles<integers, 2, 1>, multiply_tiles<integers, 1, 1>, column);
}

}  // namespace nsarm::NAMESPACE
#endif
