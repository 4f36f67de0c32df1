#include "base/json_fault.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "base/json.h"
#include "base/text.h"

namespace churon {

namespace {

// Follows a text without keeping anything but its first fault.
struct FaultFinder final : nlohmann::json_sax<Json> {
  std::size_t read = 0;  // bytes, the faulty one included; the end of the text counts as one
  bool is_range = false;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t bytes, const std::string&,
                   const nlohmann::detail::exception& fault) override {
    read = bytes;
    is_range = dynamic_cast<const nlohmann::detail::out_of_range*>(&fault) != nullptr;
    return false;
  }
};

}  // namespace

std::string json_fault(std::string_view text) {
  FaultFinder finder;
  if (Json::sax_parse(text, &finder)) {
    return "";
  }
  if (finder.read > text.size()) {
    return "it ends too early";
  }
  const std::size_t at = std::max<std::size_t>(finder.read, 1) - 1;
  const std::string_view before = text.substr(0, at);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t newline = before.rfind('\n');
  const std::size_t column = at - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
  return fmt::format("line {}, column {}, {}", line, column,
                     finder.is_range ? "a number beyond all ranges"
                                     : fmt::format("at `{}`", escape_control(text.substr(at, 1))));
}

}  // namespace churon
