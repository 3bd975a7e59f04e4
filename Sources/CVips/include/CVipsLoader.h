// The implementation of CVips.h (CVipsShim) is either linked into the program or in libCVips.so,
// which the first call of one of its functions loads, and with it libvips. The function below is
// always of the program itself.
#ifndef CVIPSLOADER_H
#define CVIPSLOADER_H

// Loads libvips. Returns NULL, or in one line why it cannot be loaded and what to do about it; the
// text stays. The functions of CVips.h end the process with that line.
const char *cvips_load(void);

#endif
