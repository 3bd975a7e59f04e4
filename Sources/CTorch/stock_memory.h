#ifndef STOCK_MEMORY_H
#define STOCK_MEMORY_H

// Where the process keeps freed memory: gets the pages that any computation takes from the kernel,
// in a thread of its own, while libtorch is being loaded. Taken one by one when they are first
// written, they cost a tenth of a small picture's time; together, large ones where the system has
// such, next to nothing.
void ctorch_stock_memory(void);

#endif
