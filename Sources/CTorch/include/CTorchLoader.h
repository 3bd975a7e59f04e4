// The implementation of CTorch.h (CTorchShim) is either linked into the program or in libCTorch.so,
// which the first call of one of its functions loads, and with it libtorch. The functions below are
// always of the program itself.
#ifndef CTORCHLOADER_H
#define CTORCHLOADER_H

// Loads libtorch, or waits until another thread has. Returns NULL, or in one line why it cannot be
// loaded and what to do about it; the text stays. The functions of CTorch.h end the process with
// that line.
const char *ctorch_load(void);

// Begins to load libtorch in a thread of its own, and to stock memory in another one, where the
// process keeps freed memory.
void ctorch_preload(void);

// Makes the process's allocator (glibc's; elsewhere nothing happens) keep freed memory for itself.
void ctorch_keep_freed_memory(void);

#endif
