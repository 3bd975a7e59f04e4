// Convolutions with 3x3 kernels in float32, for the operators that consist of them.
#ifndef FUSED_CONVOLUTION_H
#define FUSED_CONVOLUTION_H

#include "FusedKernels.h"

namespace nsarm {

// On libtorch's threads.
void convolve(const Convolution &t);

}  // namespace nsarm

#endif
