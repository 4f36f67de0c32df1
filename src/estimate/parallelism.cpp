#include "estimate/parallelism.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "base/text.h"

namespace churon::estimate {

namespace {

struct Part {
  std::string_view name;
  int Parallelism::* member;
};
constexpr std::array kParts{
    Part{"tp", &Parallelism::tp},           Part{"pp", &Parallelism::pp},
    Part{"ep", &Parallelism::ep},           Part{"attn_dp", &Parallelism::attention_dp},
    Part{"dp", &Parallelism::attention_dp}, Part{"moe_tp", &Parallelism::moe_tp},
    Part{"moe_ep", &Parallelism::ep},
};

// False: no part, or one of a kind that stands there already.
bool read_part(std::string_view text, Parallelism& out, std::vector<int Parallelism::*>& seen) {
  const std::size_t digits = text.find_first_of("0123456789");
  if (digits == std::string_view::npos) {
    return false;
  }
  const std::string name = to_lower_ascii(text.substr(0, digits));
  int value = 0;
  const auto [end, error] = std::from_chars(text.data() + digits, text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1 || value > kRanksMax) {
    return false;
  }
  for (const Part& part : kParts) {
    if (part.name == name) {
      const bool is_new = std::find(seen.begin(), seen.end(), part.member) == seen.end();
      seen.push_back(part.member);
      out.*part.member = value;
      return is_new;
    }
  }
  return false;
}

}  // namespace

std::string_view name(Framework framework) {
  switch (framework) {
    case Framework::tensorrt_llm:
      return "tensorrt_llm";
    case Framework::vllm:
      return "vllm";
    case Framework::sglang:
      return "sglang";
    case Framework::static_batch:
      return "static_batch";
    case Framework::generic:
      return "generic";
  }
  return "";
}

Result<Parallelism> parallelism(std::string_view text) {
  Parallelism result;
  std::vector<int Parallelism::*> seen;
  for (const std::string_view part : split(text, '/')) {
    if (!read_part(trim(part), result, seen)) {
      return fail({.code = "E0401",
                   .message = fmt::format("`{}` is no parallelism", text),
                   .help = {"tpN, ppN, epN, attn_dpN and moe_tpN with `/` between, such as "
                            "tp8/ep8"},
                   .exit = ExitCode::usage});
    }
  }
  return result;
}

std::string to_text(const Parallelism& parallelism) {
  std::string text;
  for (const Part& part : kParts) {
    const int value = parallelism.*part.member;
    const bool is_alias = part.name == "dp" || part.name == "moe_ep";
    const bool is_default = value <= (part.name == "moe_tp" ? 0 : 1);
    if (!is_alias && (!is_default || part.name == "tp")) {
      text += fmt::format("{}{}{}", text.empty() ? "" : "/", part.name, value);
    }
  }
  return text;
}

}  // namespace churon::estimate
