// Whether the table of characters in a model is sound. The library follows its offsets without a
// look at where they lead, so that a damaged file would have it read outside of the table.

#ifndef CSENTENCEPIECE_CHARSMAP_H
#define CSENTENCEPIECE_CHARSMAP_H

#include <string_view>

/// Of the serialised `ModelProto`; true where it has no table.
bool charsmap_is_sound(std::string_view model);

#endif
