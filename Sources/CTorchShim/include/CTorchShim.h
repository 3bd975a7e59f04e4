#ifndef CTORCHSHIM_H
#define CTORCHSHIM_H

#include "lazy_table.h"

#ifdef __cplusplus
extern "C" {
#endif

// The functions of CTorch.h, for its loader.
__attribute__((visibility("default"))) const lazy_table *ctorch_shim(void);

#ifdef __cplusplus
}
#endif
#endif
