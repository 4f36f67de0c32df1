// Typed access to the metadata of a GGUF file, and its text.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "model/bytes.h"
#include "model/gguf.h"

namespace churon::model {

namespace {

// Calls `visit` with the value at `bytes`. False for strings and arrays.
template <typename Visit>
bool visit_number(MetadataType type, const std::byte* bytes, Visit visit) {
  switch (type) {
    case MetadataType::uint8:
      visit(load<std::uint8_t>(bytes));
      return true;
    case MetadataType::int8:
      visit(load<std::int8_t>(bytes));
      return true;
    case MetadataType::uint16:
      visit(load<std::uint16_t>(bytes));
      return true;
    case MetadataType::int16:
      visit(load<std::int16_t>(bytes));
      return true;
    case MetadataType::uint32:
      visit(load<std::uint32_t>(bytes));
      return true;
    case MetadataType::int32:
      visit(load<std::int32_t>(bytes));
      return true;
    case MetadataType::float32:
      visit(load<float>(bytes));
      return true;
    case MetadataType::boolean:
      visit(load<std::uint8_t>(bytes) != 0);
      return true;
    case MetadataType::uint64:
      visit(load<std::uint64_t>(bytes));
      return true;
    case MetadataType::int64:
      visit(load<std::int64_t>(bytes));
      return true;
    case MetadataType::float64:
      visit(load<double>(bytes));
      return true;
    case MetadataType::string:
    case MetadataType::array:
      return false;
  }
  return false;
}

std::size_t bytes_of_number(MetadataType type) {
  std::size_t size = 0;
  static constexpr std::array<std::byte, 8> zero{};
  visit_number(type, zero.data(), [&](auto value) { size = sizeof value; });
  return size;
}

bool is_integer(MetadataType type) {
  return bytes_of_number(type) != 0 && type != MetadataType::float32 &&
         type != MetadataType::float64 && type != MetadataType::boolean;
}

// Unsigned values that a signed integer cannot hold are nothing that a model needs.
std::optional<std::int64_t> integer_at(MetadataType type, const std::byte* bytes) {
  std::optional<std::int64_t> integer;
  visit_number(type, bytes, [&](auto value) {
    if constexpr (std::is_integral_v<decltype(value)>) {
      if (std::in_range<std::int64_t>(
              static_cast<
                  std::conditional_t<std::is_same_v<decltype(value), bool>, int, decltype(value)>>(
                  value))) {
        integer = static_cast<std::int64_t>(value);
      }
    }
  });
  return integer;
}

double number_at(MetadataType type, const std::byte* bytes) {
  double number = 0;
  visit_number(type, bytes, [&](auto value) { number = static_cast<double>(value); });
  return number;
}

std::string type_text(const MetadataEntry& entry) {
  return entry.type == MetadataType::array ? fmt::format("array of {}", name(entry.element_type))
                                           : std::string(name(entry.type));
}

tl::unexpected<Diagnostics> missing(std::string_view key) {
  return fail("M0301", fmt::format("the metadata has no key `{}`", key));
}

tl::unexpected<Diagnostics> wrong_type(const MetadataEntry& entry, std::string_view wanted) {
  return fail({.code = "M0302",
               .message = fmt::format("key `{}` is of type {}; {} is right", entry.key,
                                      type_text(entry), wanted),
               .notes = {fmt::format("at byte {} of the file", entry.offset)}});
}

tl::unexpected<Diagnostics> wrong_value(const MetadataEntry& entry, std::string_view wanted) {
  return fail({.code = "M0303",
               .message = fmt::format("key `{}` is {}; {} is right", entry.key,
                                      to_text(entry, 8, 64), wanted),
               .notes = {fmt::format("at byte {} of the file", entry.offset)}});
}

std::string range_text(std::int64_t low, std::int64_t high) {
  if (high == std::numeric_limits<std::int64_t>::max()) {
    return fmt::format("{} or more", low);
  }
  return fmt::format("{} to {}", low, high);
}

}  // namespace

const MetadataEntry* Metadata::find(std::string_view key) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const MetadataEntry& entry) { return entry.key == key; });
  return found == entries_.end() ? nullptr : &*found;
}

Result<std::string_view> Metadata::string(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (entry == nullptr) {
    return missing(key);
  }
  if (entry->type != MetadataType::string) {
    return wrong_type(*entry, "string");
  }
  return std::string_view(reinterpret_cast<const char*>(entry->bytes.data()), entry->bytes.size());
}

Result<bool> Metadata::boolean(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (entry == nullptr) {
    return missing(key);
  }
  if (entry->type != MetadataType::boolean) {
    return wrong_type(*entry, "boolean");
  }
  return entry->bytes[0] != std::byte{0};
}

Result<std::int64_t> Metadata::integer(std::string_view key, std::int64_t low,
                                       std::int64_t high) const {
  const MetadataEntry* entry = find(key);
  if (entry == nullptr) {
    return missing(key);
  }
  if (!is_integer(entry->type)) {
    return wrong_type(*entry, "an integer type");
  }
  const auto value = integer_at(entry->type, entry->bytes.data());
  if (!value || *value < low || *value > high) {
    return wrong_value(*entry, range_text(low, high));
  }
  return *value;
}

Result<double> Metadata::number(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (entry == nullptr) {
    return missing(key);
  }
  if (bytes_of_number(entry->type) == 0 || entry->type == MetadataType::boolean) {
    return wrong_type(*entry, "a number");
  }
  const double value = number_at(entry->type, entry->bytes.data());
  if (!std::isfinite(value)) {
    return wrong_value(*entry, "a finite number");
  }
  return value;
}

Result<StringArray> Metadata::strings(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (entry == nullptr) {
    return missing(key);
  }
  if (entry->type != MetadataType::array || entry->element_type != MetadataType::string) {
    return wrong_type(*entry, "array of string");
  }
  return StringArray(header_.data(), entry->string_offsets);
}

Result<std::vector<std::int64_t>> Metadata::integers(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (entry == nullptr) {
    return missing(key);
  }
  if (entry->type != MetadataType::array ||
      (!is_integer(entry->element_type) && entry->element_type != MetadataType::boolean)) {
    return wrong_type(*entry, "array of an integer type");
  }
  const std::size_t size = bytes_of_number(entry->element_type);
  std::vector<std::int64_t> values(entry->count);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto value = integer_at(entry->element_type, entry->bytes.data() + i * size);
    if (!value) {
      return wrong_value(*entry, "elements below 2^63");
    }
    values[i] = *value;
  }
  return values;
}

Result<std::vector<float>> Metadata::floats(std::string_view key) const {
  const MetadataEntry* entry = find(key);
  if (entry == nullptr) {
    return missing(key);
  }
  const std::size_t size = bytes_of_number(entry->element_type);
  if (entry->type != MetadataType::array || size == 0 ||
      entry->element_type == MetadataType::boolean) {
    return wrong_type(*entry, "array of float32");
  }
  std::vector<float> values(entry->count);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(number_at(entry->element_type, entry->bytes.data() + i * size));
  }
  return values;
}

Result<std::string_view> Metadata::string_or(std::string_view key,
                                             std::string_view fallback) const {
  return contains(key) ? string(key) : fallback;
}
Result<bool> Metadata::boolean_or(std::string_view key, bool fallback) const {
  return contains(key) ? boolean(key) : fallback;
}
Result<std::int64_t> Metadata::integer_or(std::string_view key, std::int64_t fallback,
                                          std::int64_t low, std::int64_t high) const {
  return contains(key) ? integer(key, low, high) : fallback;
}
Result<double> Metadata::number_or(std::string_view key, double fallback) const {
  return contains(key) ? number(key) : fallback;
}

namespace {

std::string cut(std::string_view text, std::size_t characters_max) {
  if (characters_max == 0 || text.size() <= characters_max) {
    return std::string(text);
  }
  return fmt::format("{}… ({} bytes)",
                     text.substr(0, complete_utf8_prefix(text.substr(0, characters_max))),
                     text.size());
}

std::string number_text(MetadataType type, const std::byte* bytes) {
  std::string text;
  visit_number(type, bytes, [&](auto value) { text = fmt::format("{}", value); });
  return text;
}

}  // namespace

std::string to_text(const MetadataEntry& entry, std::size_t elements_max,
                    std::size_t characters_max) {
  if (entry.type == MetadataType::string) {
    return cut({reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size()},
               characters_max);
  }
  if (entry.type != MetadataType::array) {
    return number_text(entry.type, entry.bytes.data());
  }
  if (entry.element_type == MetadataType::array) {
    return fmt::format("[{} arrays]", entry.count);
  }
  const std::size_t shown = std::min<std::uint64_t>(entry.count, elements_max);
  std::vector<std::string> elements;
  const std::byte* next = entry.bytes.data();
  for (std::size_t i = 0; i < shown; ++i) {
    if (entry.element_type == MetadataType::string) {
      const auto length = static_cast<std::size_t>(load<std::uint64_t>(next));
      next += sizeof(std::uint64_t);
      elements.push_back(fmt::format(
          "\"{}\"", cut({reinterpret_cast<const char*>(next), length}, characters_max)));
      next += length;
    } else {
      elements.push_back(number_text(entry.element_type, next));
      next += bytes_of_number(entry.element_type);
    }
  }
  if (shown < entry.count) {
    elements.push_back(fmt::format("… {} in all", entry.count));
  }
  return "[" + join(elements, ", ") + "]";
}

}  // namespace churon::model
