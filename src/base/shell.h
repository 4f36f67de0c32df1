// Text for a shell to read.
#pragma once

#include <string>
#include <string_view>

namespace churon {

// In single quotes, which bash, zsh and fish take literally.
std::string shell_quoted(std::string_view text);

}  // namespace churon
