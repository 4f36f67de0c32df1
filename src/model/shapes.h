// Models by shape: what has to be known of a model to price it, without its weights.
//
// data/models.csv ships with the tool, one model a row; a file of the same form at
// $XDG_CONFIG_HOME/churon/models.csv (~/.config/churon/models.csv) adds rows, and wins where both
// name a model. docs/models.md describes the columns. A Hugging Face config.json of a known
// `model_type` and a GGUF file give a shape as well.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/hyperparameters.h"

namespace churon::model {

struct Shape {
  Hyperparameters hyperparameters;  // name = canonical_name
  std::string hub_id;               // "meta-llama/Llama-3.1-8B"; empty: none
  std::vector<std::string> aliases;
  // What the row states of its own, for comparison with what is computed; 0: nothing.
  double total_parameters = 0;
  double active_parameters = 0;         // without tables, `per_token` of the experts
  std::int64_t kv_bytes_per_token = 0;  // at 16 bits
  std::string source;
  std::string catalogue;  // the file that names the model
};

// Its name, its hub id and its aliases.
std::vector<std::string> names_of(const Shape& shape);

struct Shapes {
  std::vector<Shape> rows;  // in the order of the files
};

// Errors: M0601 (value), M0602 (column), M0603 (a name twice), M0609 (sizes that disagree), and
// those of the CSV form. All that is wrong is reported.
Result<Shapes> parse_shapes(std::string text, const std::string& path);
// The shipped catalogue and the user's own rows.
Result<Shapes> load_shapes();

// A model by its name, hub id or alias: in any case, with or without the organisation in front,
// with or without tails that leave the shape as it is (-Instruct, -FP8, -hf, -2507, …). Errors:
// M0604 (unknown), M0605 (several could be meant).
Result<Hyperparameters> find_shape(const Shapes& shapes, std::string_view name);

// A `config.json` as it lies beside a model on the Hugging Face hub. The model is
// called by `_name_or_path`, else by the folder of `path`. Errors: M0606 (no JSON object), M0607
// (model type), M0608 (key missing, value wrong), M0609 (sizes that disagree).
Result<Hyperparameters> parse_config(std::string_view text, const std::string& path);
// The model types that are known, "llama".
std::span<const std::string_view> config_model_types();

// What --model takes: a config.json, the folder of one, a GGUF file, a name of the catalogue, a
// name of `churon models` that was pulled. A file that exists wins over a name.
Result<Hyperparameters> shape(const Shapes& shapes, const std::string& name_or_path);
// The same with the catalogue of load_shapes(), read anew: callers with many names load it once.
Result<Hyperparameters> shape(const std::string& name_or_path);

}  // namespace churon::model
