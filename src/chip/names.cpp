#include "chip/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace churon::chip {

namespace {

// Makers and families as they stand in front of a part: "AMD Instinct MI300X", "Google Cloud TPU".
constexpr std::array<std::string_view, 10> kMakers{
    "nvidia", "amd", "intel", "google", "aws", "amazon", "habana", "instinct", "tesla", "cloud"};
constexpr std::size_t kNameSizeMax = 100;

bool is_same(const Names& chip, std::string_view wanted) {
  return std::any_of(chip.others.begin(), chip.others.end(), [&](const std::string& other) {
    return comparable_chip_name(other) == wanted;
  });
}

bool begins(const Names& chip, std::string_view wanted) {
  const auto has_begin = [&](const std::string& name) {
    return comparable_chip_name(name).starts_with(wanted);
  };
  return has_begin(chip.id) || std::any_of(chip.others.begin(), chip.others.end(), has_begin);
}

// By a description of the user's that calls itself the same.
bool is_replaced(const Names& chip, std::span<const Names> chips) {
  return !chip.is_of_user && !chip.others.empty() &&
         std::any_of(chips.begin(), chips.end(), [&](const Names& own) {
           return own.is_of_user && !own.others.empty() &&
                  comparable_chip_name(own.others.front()) ==
                      comparable_chip_name(chip.others.front());
         });
}

template <typename Predicate>
std::vector<std::size_t> where(std::span<const Names> chips, Predicate is) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < chips.size(); ++i) {
    if (is(chips[i])) {
      found.push_back(i);
    }
  }
  return found;
}

std::string listed_ids(std::span<const Names> chips) {
  std::vector<std::string> ids;
  ids.reserve(chips.size());
  for (const Names& chip : chips) {
    ids.push_back(chip.id);
  }
  return join(ids, ", ");
}

tl::unexpected<Diagnostics> ambiguous(std::span<const Names> chips,
                                      std::span<const std::size_t> found, std::string_view wanted) {
  std::vector<std::string> candidates;
  for (const std::size_t i : found) {
    const Names& chip = chips[i];
    const bool says_more = !chip.others.empty() && to_lower_ascii(chip.others.front()) != chip.id;
    candidates.push_back(says_more ? fmt::format("{} ({})", chip.id, chip.others.front())
                                   : chip.id);
  }
  return fail({.code = "C0002",
               .message = fmt::format("`{}` may be any of several chips", wanted),
               .notes = {"candidates: " + join(candidates, ", ")}});
}

// Another form of the same part before one that is merely spelled alike: "h100-pcie" -> "h100".
std::optional<std::string> nearest(std::span<const Names> chips, std::string_view wanted) {
  std::optional<std::string> best;
  std::vector<std::string> ids;
  ids.reserve(chips.size());
  for (const Names& chip : chips) {
    ids.push_back(chip.id);
    const bool is_part = wanted.starts_with(comparable_chip_name(chip.id));
    if (is_part && (!best || chip.id.size() > best->size())) {
      best = chip.id;
    }
  }
  return best ? best : did_you_mean(wanted, ids);
}

tl::unexpected<Diagnostics> unknown(std::span<const Names> chips, std::string_view wanted,
                                    const std::optional<std::string>& near) {
  Diagnostic diagnostic{.code = "C0001",
                        .message = fmt::format("there is no chip called `{}`", wanted),
                        .notes = {"there are: " + listed_ids(chips)},
                        .help = {"a path that ends in .toml reads a description of your own"}};
  if (near) {
    diagnostic.help.insert(diagnostic.help.begin(), fmt::format("did you mean `{}`?", *near));
  }
  return fail(std::move(diagnostic));
}

}  // namespace

bool is_chip_path(std::string_view chip) {
  return chip.ends_with(".toml") || chip.find('/') != std::string_view::npos;
}

std::string comparable_chip_name(std::string_view name) {
  std::string lower = to_lower_ascii(trim(name));
  std::replace_if(lower.begin(), lower.end(), [](char c) { return c == '_' || c == ' '; }, '-');
  std::string text;
  for (const std::string_view word : split(lower, '-')) {
    const bool is_maker =
        text.empty() && std::find(kMakers.begin(), kMakers.end(), word) != kMakers.end();
    if (!is_maker) {
      text += word;
    }
  }
  return text;
}

Result<std::size_t> find_by_name(std::span<const Names> chips, std::string_view wanted) {
  if (wanted.size() > kNameSizeMax) {
    return fail("C0001", fmt::format("the name of a chip has at most {} bytes; this one has {}",
                                     kNameSizeMax, wanted.size()));
  }
  const std::string name = comparable_chip_name(wanted);
  if (name.empty()) {
    return unknown(chips, wanted, std::nullopt);
  }
  auto found =
      where(chips, [&](const Names& chip) { return comparable_chip_name(chip.id) == name; });
  if (found.empty()) {
    found = where(
        chips, [&](const Names& chip) { return is_same(chip, name) && !is_replaced(chip, chips); });
  }
  if (found.size() == 1) {
    return found.front();
  }
  if (found.empty()) {
    found = where(chips, [&](const Names& chip) { return begins(chip, name); });
  }
  if (found.size() == 1) {
    return unknown(chips, wanted, chips[found.front()].id);
  }
  return found.empty() ? unknown(chips, wanted, nearest(chips, name))
                       : ambiguous(chips, found, wanted);
}

}  // namespace churon::chip
