// What a verb that runs a model needs: model, tokenizer, chips and engine, loaded side by side so
// that the first token comes early.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/quantity.h"
#include "base/result.h"
#include "chip/chip.h"
#include "cli/verb.h"
#include "evaluate/evaluate.h"
#include "exec/engine.h"
#include "model/conversation.h"
#include "model/model.h"
#include "model/tokenizer.h"

namespace churon::cli {

struct SetupOptions {
  std::string model;  // a name of the catalogue or a path
  std::string chip = "churon-1";
  std::vector<std::string> overrides;  // --set of that chip
  std::vector<std::string> compare;    // further chips
  std::int64_t context = 0;            // 0: the model's, at most 4,096
  int threads = 0;                     // 0: every processor this process may use
  std::string kv = "q8_0";
  std::string arithmetic = "datapath";
  std::string derate;  // empty: each chip's default
  std::int64_t batch = 1;
  bool with_chat_template = false;  // a file whose template is broken runs without it
};

// The flags above but for --compare, --derate and --sim-batch.
void add_model_options(CLI::App& app, SetupOptions& options);

// Errors of the chat template of the model at `path`, with the way around it.
tl::unexpected<Diagnostics> template_error(Diagnostics errors, const std::string& path);

class Setup {
 public:
  // Reads the model's header alone.
  static Result<std::unique_ptr<Setup>> open(const SetupOptions& options);
  // Everything else. An error with exit code 3 where the chip's memory is too small.
  Result<void> load(const Terminal& terminal);

  [[nodiscard]] const SetupOptions& options() const { return options_; }
  [[nodiscard]] const model::Model& model() const { return model_; }
  [[nodiscard]] std::int64_t context() const { return context_; }
  // After `load`:
  [[nodiscard]] const model::Tokenizer& tokenizer() const { return *tokenizer_; }
  [[nodiscard]] const std::optional<model::ChatTemplate>& chat_template() const {
    return chat_template_;
  }
  [[nodiscard]] const exec::Engine& engine() const { return *engine_; }
  [[nodiscard]] const std::vector<chip::Chip>& chips() const { return chips_; }
  [[nodiscard]] Seconds load_time() const { return load_time_; }
  [[nodiscard]] evaluate::RunOptions run_options() const;

 private:
  Setup(SetupOptions options, model::Model model);
  Result<void> load_tokenizer();
  Result<void> load_chips();
  Result<void> load_weights(const Terminal& terminal);

  SetupOptions options_;
  model::Model model_;
  std::int64_t context_ = 0;
  std::optional<model::Tokenizer> tokenizer_;
  std::optional<model::ChatTemplate> chat_template_;
  std::vector<chip::Chip> chips_;  // the one of --chip, then those of --compare
  std::optional<exec::Engine> engine_;
  Seconds load_time_{};
};

}  // namespace churon::cli
