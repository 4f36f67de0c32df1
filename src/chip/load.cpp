#include "chip/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/data_dir.h"
#include "base/file.h"
#include "base/text.h"
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

void list_folder(const std::string& folder, std::vector<Listed>& chips) {
  std::vector<Listed> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".toml") {
      found.push_back({it->path().stem().string(), it->path().string()});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Listed& a, const Listed& b) { return a.id < b.id; });
  chips.insert(chips.end(), found.begin(), found.end());
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

// Whether the description calls itself `name`, in lower case, by its name or an alias.
bool answers_to(const Listed& chip, std::string_view wanted) {
  const auto text = read_text(chip.path);
  if (!text) {
    return false;
  }
  Texts texts;
  const auto root = parse_toml(text->text, texts, texts.add(text->file, text->text));
  if (!root) {
    return false;
  }
  const Entry* name = root->find("name");
  const Entry* aliases = root->find("aliases");
  return (name != nullptr && to_lower_ascii(name->value.text) == wanted) ||
         (aliases != nullptr &&
          std::any_of(aliases->value.items.begin(), aliases->value.items.end(),
                      [&](const Node& alias) { return to_lower_ascii(alias.text) == wanted; }));
}

Result<ChipText> find_chip(std::string_view chip) {
  if (chip.ends_with(".toml") || chip.find('/') != std::string_view::npos) {
    return read_text(std::string(chip));
  }
  const std::string wanted = to_lower_ascii(chip);
  const auto chips = listed();
  for (const Listed& candidate : chips) {
    if (to_lower_ascii(candidate.id) == wanted) {
      return read_text(candidate.path);
    }
  }
  for (const Listed& candidate : chips) {
    if (answers_to(candidate, wanted)) {
      return read_text(candidate.path);
    }
  }
  std::vector<std::string> names;
  names.reserve(chips.size());
  for (const Listed& candidate : chips) {
    names.push_back(candidate.id);
  }
  const auto nearest = did_you_mean(wanted, names);
  Diagnostic diagnostic{.code = "C0001",
                        .message = fmt::format("there is no chip called `{}`", chip),
                        .notes = {"there are: " + join(names, ", ")},
                        .help = {"a path that ends in .toml reads a description of your own"}};
  if (nearest) {
    diagnostic.help.insert(diagnostic.help.begin(), fmt::format("did you mean `{}`?", *nearest));
  }
  return fail(std::move(diagnostic));
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

Result<Chip> load(std::string_view chip, std::span<const std::string> overrides) {
  auto text = find_chip(chip);
  if (!text) {
    return fail(text);
  }
  return load_text(*text, overrides, find_inherited);
}

std::vector<Listed> listed() {
  std::vector<Listed> chips;
  list_folder(shipped_folder(), chips);
  if (const auto user = user_folder()) {
    list_folder(*user, chips);
  }
  return chips;
}

}  // namespace churon::chip
