// The vector operations of the F32 reference mode (rule 9): binary64 inside, the C library's
// functions, softmax in one piece. Their last bits depend on the machine; their task is to be right
// to about 1e-6, independently of the datapath's functions and tables.
#pragma once

#include "numeric/kernels.h"

namespace churon::exec {

// `fast` with the operations of the datapath replaced; `matmul_f32` and `rope` stay.
numeric::Kernels exact_kernels(const numeric::Kernels& fast);

}  // namespace churon::exec
