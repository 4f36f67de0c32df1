// Independent items of work on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace churon {

// Calls work(i) once for each i < count, on at most so many threads, the caller's among them; each
// takes the next item when it is free. Returns when all are done. What an item does must not depend
// on the thread or the order.
void in_parallel(std::size_t count, int threads, const std::function<void(std::size_t)>& work);

}  // namespace churon
