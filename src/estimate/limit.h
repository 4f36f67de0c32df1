// What an operator's time is spent on.
#pragma once

#include <cstddef>
#include <string_view>

namespace churon::estimate {

enum class Limit { compute, memory, vector, link, fixed };
inline constexpr std::size_t kLimitCount = 5;
std::string_view name(Limit limit);

}  // namespace churon::estimate
