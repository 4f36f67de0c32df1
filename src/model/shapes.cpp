#include "model/shapes.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "base/data_dir.h"
#include "base/file.h"
#include "base/text.h"
#include "model/catalogue.h"
#include "model/gguf.h"
#include "model/model.h"
#include "model/shape_check.h"
#include "model/shape_gguf.h"
#include "model/shape_names.h"

namespace churon::model {

namespace {

constexpr std::uint64_t kFileSizeMax = 4 << 20;
constexpr std::size_t kCandidatesMax = 12;

Result<Shapes> read_shapes(const std::string& path) {
  auto text = read_file(path, kFileSizeMax);
  if (!text) {
    return fail(text);
  }
  return parse_shapes(std::move(*text), path);
}

std::vector<std::string> model_names(const Shapes& shapes) {
  std::vector<std::string> names;
  names.reserve(shapes.rows.size());
  for (const Shape& row : shapes.rows) {
    names.push_back(row.hyperparameters.name);
  }
  return names;
}

// Rows that have a name which is equal in that form.
std::vector<const Shape*> matches(const Shapes& shapes, std::string_view name, NameForm form) {
  const std::string wanted = comparable_name(name, form);
  std::vector<const Shape*> found;
  if (wanted.empty()) {
    return found;
  }
  for (const Shape& row : shapes.rows) {
    const auto names = names_of(row);
    if (std::any_of(names.begin(), names.end(), [&](const std::string& known) {
          return comparable_name(known, form) == wanted;
        })) {
      found.push_back(&row);
    }
  }
  return found;
}

tl::unexpected<Diagnostics> ambiguous(std::string_view name, std::vector<std::string> candidates) {
  const std::size_t more = candidates.size() - std::min(candidates.size(), kCandidatesMax);
  candidates.resize(candidates.size() - more);
  return fail({.code = "M0605",
               .message = fmt::format("`{}` may be any of several models", name),
               .notes = {fmt::format("candidates: {}{}", join(candidates, ", "),
                                     more == 0 ? "" : fmt::format(" and {} more", more))}});
}

// `same`: rows of that name, where there are several.
tl::unexpected<Diagnostics> no_one_model(const Shapes& shapes, std::string_view name,
                                         std::span<const Shape* const> same) {
  std::vector<std::string> candidates;
  for (const Shape& row : shapes.rows) {
    if (std::find(same.begin(), same.end(), &row) != same.end() ||
        is_part_of_name(name, row.hyperparameters.name)) {
      candidates.push_back(row.hyperparameters.name);
    }
  }
  if (candidates.size() > 1) {
    return ambiguous(name, std::move(candidates));
  }
  const std::string bare(name.substr(name.rfind('/') + 1));  // npos + 1 = 0: the whole
  const auto near =
      candidates.empty() ? did_you_mean(bare, model_names(shapes)) : candidates.front();
  return fail({.code = "M0604",
               .message = fmt::format("no model is called `{}`{}", name,
                                      near ? fmt::format("; did you mean `{}`?", *near) : ""),
               .help = {"`churon models shapes` lists the models that are known by shape; a "
                        "config.json and a GGUF file work as well"}});
}

Hyperparameters named(const Shape& row, std::string_view name) {
  Hyperparameters result = row.hyperparameters;
  result.name = std::string(name);
  return result;
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// A file, or a folder with a config.json.
bool is_file_of_a_shape(const std::string& path) {
  std::error_code ignored;
  return exists(path) &&
         (!std::filesystem::is_directory(path, ignored) || exists(path + "/config.json"));
}

Result<Hyperparameters> shape_of_config(const std::string& path) {
  const auto text = read_file(path, kFileSizeMax);
  if (!text) {
    return fail(text);
  }
  return parse_config(*text, path);
}

Result<Hyperparameters> shape_of_gguf(const std::string& path) {
  const auto file = open_gguf(path);
  if (!file) {
    return fail(file);
  }
  auto runs = check_model(*file);
  // What does not run, for its architecture or a part of it, may still be priced.
  const bool may_be_priced =
      !runs && (runs.error().front().code == "M0401" || runs.error().front().code == "M0405");
  return may_be_priced ? gguf_shape(*file) : runs;
}

Result<Hyperparameters> shape_of_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return shape_of_config(path + "/config.json");
  }
  return path.ends_with(".json") ? shape_of_config(path) : shape_of_gguf(path);
}

}  // namespace

std::vector<std::string> names_of(const Shape& shape) {
  std::vector<std::string> names{shape.hyperparameters.name};
  if (!shape.hub_id.empty()) {
    names.push_back(shape.hub_id);
  }
  names.insert(names.end(), shape.aliases.begin(), shape.aliases.end());
  return names;
}

Result<Shapes> load_shapes() {
  auto shapes = read_shapes(data_path("data/models.csv"));
  const std::string own_path = user_file_path("models.csv");
  if (!shapes || own_path.empty() || !exists(own_path)) {
    return shapes;
  }
  auto own = read_shapes(own_path);
  if (!own) {
    return own;
  }
  for (Shape& row : own->rows) {
    const auto same = std::find_if(shapes->rows.begin(), shapes->rows.end(), [&](const Shape& s) {
      return s.hyperparameters.name == row.hyperparameters.name;
    });
    if (same != shapes->rows.end()) {
      *same = std::move(row);
    } else {
      shapes->rows.push_back(std::move(row));
    }
  }
  return shapes;
}

Result<Hyperparameters> find_shape(const Shapes& shapes, std::string_view name) {
  if (name.size() > kShapeNameSizeMax) {
    return fail("M0604", fmt::format("the name of a model has at most {} bytes; this one has {}",
                                     kShapeNameSizeMax, name.size()));
  }
  for (const NameForm form : kNameForms) {
    const auto found = matches(shapes, name, form);
    if (found.size() == 1) {
      return named(*found.front(), name);
    }
    if (found.size() > 1) {
      return no_one_model(shapes, name, found);
    }
  }
  return no_one_model(shapes, name, {});
}

namespace {

// The catalogue's name of a model whose file was read, where the file's own name is one of it.
Result<Hyperparameters> with_canonical_name(const Shapes& shapes, Result<Hyperparameters> read) {
  if (read) {
    const auto known = find_shape(shapes, read->name);
    if (known && known->layers == read->layers && known->d_model == read->d_model &&
        known->heads == read->heads) {
      read->canonical_name = known->canonical_name;
    }
  }
  return read;
}

bool is_downloaded_name(const std::string& name) {
  const auto catalogue = load_catalogue();
  return catalogue && catalogue->find(name) != nullptr;
}

}  // namespace

Result<Hyperparameters> shape(const Shapes& shapes, const std::string& name_or_path) {
  const bool path_like = name_or_path.ends_with(".gguf") || name_or_path.ends_with(".json") ||
                         name_or_path.starts_with('.') || name_or_path.starts_with('/');
  if (path_like || is_file_of_a_shape(name_or_path)) {
    return with_canonical_name(shapes, shape_of_file(name_or_path));
  }
  auto found = find_shape(shapes, name_or_path);
  if (found) {
    return found;
  }
  if (is_downloaded_name(name_or_path)) {  // of `churon models`
    const auto path = resolve_model(name_or_path);
    return path ? with_canonical_name(shapes, shape_of_gguf(*path)) : fail(path);
  }
  return found;
}

Result<Hyperparameters> shape(const std::string& name_or_path) {
  const auto shapes = load_shapes();
  if (!shapes) {
    return fail(shapes);
  }
  return shape(*shapes, name_or_path);
}

}  // namespace churon::model
