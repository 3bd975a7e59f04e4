// libCVips.so, and with it libvips, is loaded by the first call of a function of CVips.h; this
// function is of the program itself.
#ifndef CVIPSLOADER_H
#define CVIPSLOADER_H

// Loads libvips. Returns NULL, or in one line why it cannot be loaded and what to do about it; the
// text stays. The functions of CVips.h end the process with that line.
const char *cvips_load(void);

#endif
