// The functions of the interface, one CVIPS_FUNCTION(result, name, parameters, arguments) each:
// CVips.h makes declarations of them, the loader (Sources/CVipsLoader) functions that call
// libCVips.so, which it loads when it is wanted.

/// Starts libvips; safe to call often and from several threads. Only the readers of photo formats
/// are left enabled (JPEG, PNG, WebP, TIFF, HEIF/AVIF, JPEG XL, JPEG 2000, GIF, PNM). Returns 0, or
/// -1 with *error.
CVIPS_FUNCTION(int, cvips_start, (char **error), (error))

/// Whether this libvips can write the format.
CVIPS_FUNCTION(bool, cvips_can_write, (cvips_format format), (format))

/// Opens a file and reads its header only: that of a page, counted from 0, or of the file's main
/// picture where page is negative or beyond the last (compare header->pages). Free with
/// cvips_close.
CVIPS_FUNCTION(cvips_picture *, cvips_open,
               (const char *path, int32_t page, cvips_header *header, char **error),
               (path, page, header, error))

/// Decodes the whole picture: into memory where its samples take at most memory_limit bytes, else
/// into an unnamed temporary file in scratch_folder. -1 for damaged or truncated files, -2 where
/// scratch_folder has no room for it.
CVIPS_FUNCTION(int, cvips_decode,
               (cvips_picture *picture, const char *scratch_folder, uint64_t memory_limit,
                char **error),
               (picture, scratch_folder, memory_limit, error))

/// Copies the rectangle's samples to out (w * h * channels samples). The picture must be decoded;
/// the rectangle must lie inside it. Safe to call from several threads.
CVIPS_FUNCTION(int, cvips_read,
               (const cvips_picture *picture, int32_t x, int32_t y, int32_t w, int32_t h, void *out,
                char **error),
               (picture, x, y, w, h, out, error))

/// The picture's metadata; the bytes belong to the picture.
CVIPS_FUNCTION(cvips_metadata, cvips_get_metadata, (const cvips_picture *picture), (picture))

CVIPS_FUNCTION(void, cvips_close, (cvips_picture *picture), (picture))

/// Encodes samples to the file at path (created or replaced). The samples come from memory, or,
/// where samples is NULL, from the start of the open file descriptor. EXIF orientation is written
/// as 1.
CVIPS_FUNCTION(int, cvips_encode,
               (const void *samples, int descriptor, cvips_header header, cvips_encoding encoding,
                cvips_metadata metadata, const char *path, char **error),
               (samples, descriptor, header, encoding, metadata, path, error))
