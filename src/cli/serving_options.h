// What `estimate` and `compare` share: options that name models, chips, formats and limits.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/verb.h"
#include "estimate/parallelism.h"
#include "model/hyperparameters.h"

namespace churon::cli {

// "20ms", "2 s", "500us"; at most a million seconds. Errors: U0301.
Result<double> seconds_of(std::string_view option, std::string_view text);

// Words between commas, spaces around them left out.
std::vector<std::string> listed_words(std::string_view text);

// "vllm", "TensorRT-LLM"; CLI11 has checked the name.
estimate::Framework framework_of(std::string_view name);
std::vector<std::string> framework_names();

// Writes a picture and says so on stderr.
Result<void> write_picture(const Terminal& terminal, const std::string& path,
                           const std::string& svg);

}  // namespace churon::cli
