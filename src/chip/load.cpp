#include "chip/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/data_dir.h"
#include "base/file.h"
#include "base/text.h"
#include "chip/names.h"
#include "chip/resolve.h"
#include "chip/semantics.h"

namespace churon::chip {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFileSizeMax = 1 << 20;
constexpr std::size_t kDiagnosticsMax = 20;

// Descriptions that only others inherit stand in this folder beside the chips.
constexpr std::string_view kBaseFolder = "base";

std::string shipped_folder() { return data_path("chips"); }

std::optional<std::string> user_folder() {
  const char* config = std::getenv("XDG_CONFIG_HOME");
  if (config != nullptr && *config != '\0') {
    return (fs::path(config) / "churon" / "chips").string();
  }
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') {
    return (fs::path(home) / ".config" / "churon" / "chips").string();
  }
  return std::nullopt;
}

// The descriptions of a folder; the user's replace shipped ones of the same id.
void list_folder(const std::string& folder, bool is_of_user, std::vector<Listed>& chips) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() != ".toml") {
      continue;
    }
    Listed found{it->path().stem().string(), it->path().string(), is_of_user};
    const std::string name = comparable_chip_name(found.id);
    const auto known = std::find_if(chips.begin(), chips.end(), [&](const Listed& chip) {
      return chip.is_of_user != is_of_user && comparable_chip_name(chip.id) == name;
    });
    if (known == chips.end()) {
      chips.push_back(std::move(found));
    } else {
      *known = std::move(found);
    }
  }
  std::sort(chips.begin(), chips.end(),
            [](const Listed& a, const Listed& b) { return a.id < b.id; });
}

Result<ChipText> read_text(const std::string& path) {
  auto text = read_file(path, kFileSizeMax);
  if (!text) {
    return fail(text);
  }
  const fs::path file(path);
  const std::string folder = file.parent_path().string();
  // Shipped files are named alike on every machine.
  const auto shipped = fs::path(shipped_folder());
  const auto inside = file.lexically_relative(shipped);
  const bool is_shipped = !inside.empty() && *inside.begin() != "..";
  return ChipText{.id = file.stem().string(),
                  .file = is_shipped ? (fs::path("chips") / inside).string() : path,
                  .folder = folder,
                  .text = std::move(*text)};
}

std::optional<Result<ChipText>> find_inherited(std::string_view name, const ChipText& from) {
  std::vector<std::string> folders{from.folder};
  if (const auto user = user_folder()) {
    folders.push_back(*user);
  }
  folders.push_back(shipped_folder());
  for (const auto& folder : folders) {
    for (const auto& inner : {fs::path(folder), fs::path(folder) / kBaseFolder}) {
      const auto path = inner / (std::string(name) + ".toml");
      std::error_code ignored;
      if (fs::exists(path, ignored)) {
        return read_text(path.string());
      }
    }
  }
  return std::nullopt;
}

// The names that a description gives itself: none where it cannot be read.
std::vector<std::string> own_names(const Listed& chip) {
  const auto text = read_text(chip.path);
  if (!text) {
    return {};
  }
  Texts texts;
  const auto root = parse_toml(text->text, texts, texts.add(text->file, text->text));
  if (!root) {
    return {};
  }
  std::vector<std::string> names;
  if (const Entry* name = root->find("name")) {
    names.push_back(name->value.text);
  }
  if (const Entry* aliases = root->find("aliases")) {
    for (const Node& alias : aliases->value.items) {
      names.push_back(alias.text);
    }
  }
  return names;
}

Result<ChipText> find_chip(std::string_view chip) {
  if (is_chip_path(chip)) {
    return read_text(std::string(chip));
  }
  const std::string wanted = comparable_chip_name(chip);
  const auto chips = listed();
  for (const Listed& candidate : chips) {
    if (comparable_chip_name(candidate.id) == wanted) {
      return read_text(candidate.path);  // most names: no other description has to be read
    }
  }
  const auto found = find_by_name(names_of(chips), chip);
  return found ? read_text(chips[*found].path) : fail(found);
}

tl::unexpected<Diagnostics> first_of(Diagnostics found) {
  if (found.size() > kDiagnosticsMax) {
    const auto more = found.size() - kDiagnosticsMax;
    found.resize(kDiagnosticsMax);
    found.back().notes.push_back(fmt::format("and {} more like these", more));
  }
  return tl::unexpected(std::move(found));
}

// What follows from the rest and is kept beside it for those who read it often.
void fill_derived(Chip& chip) {
  if (chip.noc && !chip.dies.empty()) {
    chip.noc->rows = chip.dies.front().core_rows;
    chip.noc->cols = chip.dies.front().core_cols;
  }
  if (chip.core && chip.core->scratch.shares) {
    Scratch& scratch = chip.core->scratch;
    scratch.regions = ScratchRegions{.weights = scratch.size * scratch.shares->weights,
                                     .activations = scratch.size * scratch.shares->activations,
                                     .kv = scratch.size * scratch.shares->kv,
                                     .partials = scratch.size * scratch.shares->partials};
  }
}

}  // namespace

Result<Chip> load_text(const ChipText& text, std::span<const std::string> overrides,
                       const FindText& find) {
  Texts texts;
  const auto root = read_description(text, overrides, find, texts);
  if (!root) {
    return first_of(root.error());
  }
  const Entry* kind = root->find("kind");
  if (kind != nullptr && kind->value.text == name(Kind::base)) {
    return fail({.code = "C0114",
                 .message = fmt::format("`{}` is not a chip: others inherit it", text.id),
                 .span = texts.span(kind->value.place)});
  }
  auto resolution = resolve(*root, texts);
  if (!resolution) {
    return first_of(resolution.error());
  }
  Chip& chip = resolution->chip;
  chip.id = text.id;
  if (auto found = contradictions(chip, resolution->places, texts); !found.empty()) {
    return first_of(std::move(found));
  }
  if (auto found = broken_expectations(chip, resolution->places, texts); !found.empty()) {
    return first_of(std::move(found));
  }
  fill_derived(chip);
  return std::move(chip);
}

std::vector<Names> names_of(std::span<const Listed> chips) {
  std::vector<Names> names;
  names.reserve(chips.size());
  for (const Listed& chip : chips) {
    names.push_back({.id = chip.id, .others = own_names(chip), .is_of_user = chip.is_of_user});
  }
  return names;
}

Result<Chip> load(std::string_view chip, std::span<const std::string> overrides) {
  auto text = find_chip(chip);
  if (!text) {
    return fail(text);
  }
  return load_text(*text, overrides, find_inherited);
}

std::vector<Listed> listed() {
  std::vector<Listed> chips;
  list_folder(shipped_folder(), false, chips);
  if (const auto user = user_folder()) {
    list_folder(*user, true, chips);
  }
  return chips;
}

}  // namespace churon::chip
