#ifndef CVIPSSHIM_H
#define CVIPSSHIM_H

#include "lazy_table.h"

// The functions of CVips.h, for its loader.
const lazy_table *cvips_shim(void);

#endif
