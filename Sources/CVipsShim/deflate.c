// zlib streams, as in PNG's chunks.

#include <stdlib.h>
#include <zlib.h>

#include "internal.h"

int cvips_deflate(cvips_blob in, cvips_blob *out, char **error) {
  uLongf count = compressBound(in.count);
  unsigned char *bytes = malloc(count);
  if (!bytes || compress2(bytes, &count, in.bytes, in.count, 9) != Z_OK) {
    free(bytes);
    return cvips_fail_with(error, "no memory to compress it");
  }
  *out = (cvips_blob){bytes, count};
  return 0;
}

int cvips_inflate(cvips_blob in, size_t limit, cvips_blob *out, char **error) {
  z_stream stream = {.next_in = (Bytef *)in.bytes, .avail_in = (uInt)in.count};
  unsigned char *bytes = NULL;
  size_t room = 0, count = 0;
  int status = in.count > UINT32_MAX ? Z_DATA_ERROR : inflateInit(&stream);
  while (status == Z_OK && count < limit) {
    if (count == room) {
      size_t wanted = room ? 2 * room : 4096;
      unsigned char *larger = realloc(bytes, wanted < limit ? wanted : limit);
      if (!larger) break;
      bytes = larger, room = wanted < limit ? wanted : limit;
    }
    stream.next_out = bytes + count, stream.avail_out = (uInt)(room - count);
    status = inflate(&stream, Z_NO_FLUSH);
    count = room - stream.avail_out;
    if (status == Z_OK && stream.avail_in == 0 && stream.avail_out > 0) status = Z_BUF_ERROR;
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END) {
    free(bytes);
    return cvips_fail_with(error, "a compressed block is damaged or too large");
  }
  *out = (cvips_blob){bytes, count};
  return 0;
}

uint32_t cvips_crc32(cvips_blob in) { return (uint32_t)crc32_z(0, in.bytes, in.count); }

void cvips_free(const void *bytes) { free((void *)bytes); }
