// Reading of hyperparameters from the keys of one GGUF file: what is wrong is noted, and reading
// goes on, so that a person sees all of it at once. For files that run here and for those that are
// priced.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/findings.h"
#include "model/gguf.h"
#include "model/hyperparameters.h"
#include "model/model.h"

namespace churon::model {

class GgufKeys {
 public:
  // Keys begin with the architecture's name: "llama.block_count" is "block_count" here.
  GgufKeys(const GgufFile& file, std::string_view architecture);

  [[nodiscard]] std::string key(std::string_view suffix) const;
  [[nodiscard]] bool contains(std::string_view suffix) const;
  [[nodiscard]] const Metadata& metadata() const { return file_.metadata; }
  [[nodiscard]] const GgufFile& file() const { return file_; }
  // Of layer 0, or of the layer that is named; nullptr where the file has none.
  [[nodiscard]] const TensorInfo* tensor(TensorRole role, std::int64_t layer = 0) const;
  [[nodiscard]] bool has_tensor(TensorRole role, std::int64_t layer = 0) const;

  std::int64_t integer(std::string_view suffix, std::int64_t low, std::int64_t high);
  std::int64_t integer_or(std::string_view suffix, std::int64_t fallback, std::int64_t low,
                          std::int64_t high);
  double number_or(std::string_view suffix, double fallback);
  double positive_or(std::string_view suffix, double fallback);
  // A softcap: 0 means none.
  float cap(std::string_view suffix);
  // One number for all layers, or one for each: they must be equal.
  std::int64_t uniform(std::string_view suffix, std::int64_t layers, std::int64_t low,
                       std::int64_t high);
  // One number, or the largest of a list with one for each layer.
  std::int64_t largest(std::string_view suffix, std::int64_t low, std::int64_t high);
  // `general.name`, else the name of the file.
  std::string model_name();
  // `h.layer_has_window` of `h.layers`: a list with one entry a layer, or a period of which the
  // last layer sees all (0: none does). A list `may_go_on` where the file has further layers.
  // Whether the file has a list.
  bool read_window_pattern(std::int64_t standard_period, bool may_go_on, Hyperparameters& h);

  void note(std::string code, std::string message, std::vector<std::string> help = {});

  Findings findings;

 private:
  const GgufFile& file_;
  std::string prefix_;
};

// A part of a split model has not all tensors: M0405.
Result<void> check_whole(const GgufFile& file);

}  // namespace churon::model
