// What a backward pass has to do with reducers of gradients.
#pragma once

#include <functional>

namespace nsarm {

// Runs a backward pass of the calling thread. Where a reducer that was prepared for it fails since
// another process is gone, the error tells which.
void with_reductions(const std::function<void()> &pass);

}  // namespace nsarm
