#include "model/gguf_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace churon::model {

namespace {
constexpr std::int64_t kPeriodMax = 4096;  // layers
}  // namespace

GgufKeys::GgufKeys(const GgufFile& file, std::string_view architecture)
    : file_(file), prefix_(std::string(architecture) + ".") {}

std::string GgufKeys::key(std::string_view suffix) const { return prefix_ + std::string(suffix); }

bool GgufKeys::contains(std::string_view suffix) const { return metadata().contains(key(suffix)); }

const TensorInfo* GgufKeys::tensor(TensorRole role, std::int64_t layer) const {
  return file_.find_tensor(tensor_name(role, layer));
}

bool GgufKeys::has_tensor(TensorRole role, std::int64_t layer) const {
  return tensor(role, layer) != nullptr;
}

std::int64_t GgufKeys::integer(std::string_view suffix, std::int64_t low, std::int64_t high) {
  return findings.value_or_note(metadata().integer(key(suffix), low, high), low);
}

std::int64_t GgufKeys::integer_or(std::string_view suffix, std::int64_t fallback, std::int64_t low,
                                  std::int64_t high) {
  return findings.value_or_note(metadata().integer_or(key(suffix), fallback, low, high), low);
}

double GgufKeys::number_or(std::string_view suffix, double fallback) {
  return findings.value_or_note(metadata().number_or(key(suffix), fallback), fallback);
}

double GgufKeys::positive_or(std::string_view suffix, double fallback) {
  const double value = number_or(suffix, fallback);
  if (!(value > 0)) {
    note("M0402", fmt::format("key `{}` is {}; a positive number is right", key(suffix), value));
  }
  return value;
}

float GgufKeys::cap(std::string_view suffix) {
  const double value = number_or(suffix, 0);
  if (value < 0) {
    note("M0402", fmt::format("key `{}` is {}; a positive number is right", key(suffix), value));
  }
  return static_cast<float>(value);
}

std::int64_t GgufKeys::uniform(std::string_view suffix, std::int64_t layers, std::int64_t low,
                               std::int64_t high) {
  const MetadataEntry* entry = metadata().find(key(suffix));
  if (entry == nullptr || entry->type != MetadataType::array) {
    return integer(suffix, low, high);
  }
  const auto values = metadata().integers(key(suffix));
  if (!values) {
    findings.add(values.error());
    return low;
  }
  if (std::ssize(*values) != layers) {
    note("M0402", fmt::format("array `{}` has {} values; one for each of the {} layers is right",
                              entry->key, values->size(), layers));
    return low;
  }
  const std::int64_t value = values->front();
  if (std::any_of(values->begin(), values->end(), [&](auto each) { return each != value; })) {
    note("M0405", fmt::format("layers that differ in `{}` are not supported yet", entry->key));
    return low;
  }
  if (value < low || value > high) {
    note("M0402", fmt::format("key `{}` is {}; {} to {} is right", entry->key, value, low, high));
    return low;
  }
  return value;
}

std::int64_t GgufKeys::largest(std::string_view suffix, std::int64_t low, std::int64_t high) {
  const MetadataEntry* entry = metadata().find(key(suffix));
  if (entry == nullptr || entry->type != MetadataType::array) {
    return integer(suffix, low, high);
  }
  const auto values = metadata().integers(key(suffix));
  if (!values) {
    findings.add(values.error());
    return low;
  }
  const auto most = std::max_element(values->begin(), values->end());
  if (most == values->end() || *most < low || *most > high) {
    note("M0402",
         fmt::format("the numbers of `{}` have to lie between {} and {}", key(suffix), low, high));
    return low;
  }
  return *most;
}

std::string GgufKeys::model_name() {
  const std::string stated(
      findings.value_or_note(metadata().string_or("general.name", ""), std::string_view()));
  return stated.empty() ? std::filesystem::path(file_.path).filename().string() : stated;
}

bool GgufKeys::read_window_pattern(std::int64_t standard_period, bool may_go_on,
                                   Hyperparameters& h) {
  constexpr std::string_view kPattern = "attention.sliding_window_pattern";
  const MetadataEntry* pattern = metadata().find(key(kPattern));
  if (pattern != nullptr && pattern->type == MetadataType::array) {
    const auto listed = metadata().integers(pattern->key);
    if (!listed) {
      findings.add(listed.error());
    } else if (std::ssize(*listed) < h.layers || (!may_go_on && std::ssize(*listed) > h.layers)) {
      note("M0402", fmt::format("array `{}` has {} values; one for each of the {} layers is right",
                                pattern->key, listed->size(), h.layers));
    } else {
      std::transform(listed->begin(), listed->begin() + h.layers, h.layer_has_window.begin(),
                     [](std::int64_t value) { return value != 0; });
    }
    return true;
  }
  const std::int64_t period = integer_or(kPattern, standard_period, 0, kPeriodMax);
  for (std::int64_t layer = 0; layer < h.layers; ++layer) {
    h.layer_has_window[static_cast<std::size_t>(layer)] =
        period == 0 || layer % period != period - 1;
  }
  return false;
}

void GgufKeys::note(std::string code, std::string message, std::vector<std::string> help) {
  findings.add({.code = std::move(code), .message = std::move(message), .help = std::move(help)});
}

Result<void> check_whole(const GgufFile& file) {
  const auto parts = file.metadata.integer_or("split.count", 1);
  if (!parts) {
    return fail(parts);
  }
  if (*parts > 1) {
    return fail("M0405", fmt::format("this is one of {} parts of a split model", *parts),
                {"join them with llama.cpp's `llama-gguf-split --merge`"});
  }
  return {};
}

}  // namespace churon::model
