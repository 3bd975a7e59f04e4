// The functions of the interface, one CVIPS_FUNCTION(result, name, parameters, arguments) each.
// CVips.h declares them; loader.c defines them as calls through a table of addresses; CVipsShim
// implements them and makes the table.

/// Starts libvips; safe to call repeatedly and from several threads. Only the readers of photo
/// formats stay enabled (JPEG, PNG, WebP, TIFF, HEIF/AVIF, JPEG XL, JPEG 2000, GIF, PNM). Returns
/// 0, or -1 with *error.
CVIPS_FUNCTION(int, cvips_start, (char **error), (error))

/// Whether this libvips can write the format.
CVIPS_FUNCTION(bool, cvips_can_write, (cvips_format format), (format))

/// Opens a file and reads its header only: that of a page, counted from 0, or of the file's main
/// picture if page is negative or beyond the last (compare header->pages). Free with cvips_close.
/// If NULL is returned, header->failure has the kind of failure.
CVIPS_FUNCTION(cvips_picture *, cvips_open,
               (const char *path, int32_t page, cvips_header *header, char **error),
               (path, page, header, error))

/// Rotates the picture, before it is decoded, by an EXIF orientation that libvips has not found.
CVIPS_FUNCTION(void, cvips_set_orientation,
               (cvips_picture *picture, int32_t orientation, cvips_header *header),
               (picture, orientation, header))

/// Decodes the whole picture: into memory if its samples take at most memory_limit bytes, otherwise
/// into an unnamed temporary file in scratch_folder. -1 for damaged or truncated files, -2 if
/// scratch_folder has no room for it.
CVIPS_FUNCTION(int, cvips_decode,
               (cvips_picture *picture, const char *scratch_folder, uint64_t memory_limit,
                cvips_findings *findings, char **error),
               (picture, scratch_folder, memory_limit, findings, error))

/// Copies the rectangle's samples to out (w * h * channels samples). The picture must be decoded,
/// and the rectangle inside it. Safe to call from several threads.
CVIPS_FUNCTION(int, cvips_read,
               (const cvips_picture *picture, int32_t x, int32_t y, int32_t w, int32_t h, void *out,
                char **error),
               (picture, x, y, w, h, out, error))

/// The picture's metadata; the picture owns the bytes.
CVIPS_FUNCTION(cvips_metadata, cvips_get_metadata, (const cvips_picture *picture), (picture))

CVIPS_FUNCTION(void, cvips_close, (cvips_picture *picture), (picture))

/// Encodes samples to the file at path (created or replaced). The samples come from memory, or, if
/// samples is NULL, from the start of the open file descriptor. The EXIF orientation is written as
/// 1.
CVIPS_FUNCTION(int, cvips_encode,
               (const void *samples, int descriptor, cvips_header header, cvips_encoding encoding,
                cvips_metadata metadata, const char *path, char **error),
               (samples, descriptor, header, encoding, metadata, path, error))

/// Writes a reduced version of a picture that has not been decoded as a WebP file: upright, 8 bit,
/// sRGB, without metadata. The picture is read once, top to bottom, and cannot be decoded
/// afterwards. Memory holds the reduced version, and only a few rows of the picture if its format
/// can be read by rows.
CVIPS_FUNCTION(int, cvips_reduce,
               (cvips_picture *picture, cvips_reduction reduction, cvips_blob icc, const char *path,
                char **error),
               (picture, reduction, icc, path, error))

/// Makes an ICC profile, to be freed with cvips_free.
CVIPS_FUNCTION(int, cvips_make_profile,
               (const cvips_colours *colours, cvips_blob *profile, char **error),
               (colours, profile, error))

/// Rewrites an ICC profile in conformance with the standard; -1 if it is damaged.
CVIPS_FUNCTION(int, cvips_mend_profile,
               (cvips_blob profile, cvips_blob *mended, char **error), (profile, mended, error))

/// Whether an ICC profile of grey or RGB can be used to convert colours.
CVIPS_FUNCTION(bool, cvips_is_usable_profile, (cvips_blob profile, bool grey), (profile, grey))

/// Converts an sRGB colour, 0...1, to a profile's colour space; grey is repeated three times.
CVIPS_FUNCTION(void, cvips_convert_srgb, (cvips_blob profile, bool grey, double *colour),
               (profile, grey, colour))

/// Edits the properties of an XMP packet, after merging its extension.
CVIPS_FUNCTION(int, cvips_edit_xmp,
               (cvips_blob packet, cvips_blob extension, cvips_xmp_edit *edits, int32_t count,
                cvips_blob *edited, char **error),
               (packet, extension, edits, count, edited, error))

/// Compresses bytes to a zlib stream, and decompresses a stream to at most `limit` bytes.
CVIPS_FUNCTION(int, cvips_deflate, (cvips_blob in, cvips_blob *out, char **error), (in, out, error))
CVIPS_FUNCTION(int, cvips_inflate,
               (cvips_blob in, size_t limit, cvips_blob *out, char **error),
               (in, limit, out, error))

/// CRC-32 (ISO 3309).
CVIPS_FUNCTION(uint32_t, cvips_crc32, (cvips_blob in), (in))

/// Frees a blob that a function has made.
CVIPS_FUNCTION(void, cvips_free, (const void *bytes), (bytes))

/// Sets the receiver of libvips' and GLib's warnings; NULL: none.
CVIPS_FUNCTION(void, cvips_receive_warnings, (cvips_receiver receive), (receive))
