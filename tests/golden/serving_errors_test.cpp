// Every error of serving a model on chips as a user reads it: errors/E04.txt.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "chip/chip.h"
#include "estimate/serving.h"
#include "golden.h"
#include "model/shapes.h"

namespace churon::estimate {
namespace {

std::string golden_text() {
  std::string text;
  const auto add = [&](std::string_view what, const auto& result) {
    ASSERT_FALSE(result) << what;
    text += fmt::format("# {}\n{}\n", what, to_text(result.error()));
  };
  const auto shapes = *model::load_shapes();
  const auto h100 = *chip::load("h100");
  // What is not fitted keeps the texts from changing with every fit.
  const Device device(*figures(h100), unfitted());
  const auto serve = [&](std::string_view model, const Parallelism& parallelism) {
    const model::Hyperparameters shape = *model::find_shape(shapes, model);
    return Server::create(
        device,
        {.shape = &shape, .parallelism = parallelism, .weights = precision("fp8"), .kv_bits = 8});
  };
  add("no parallelism", parallelism("tp8/xp2"));
  add("heads", serve("Llama-3.1-8B", {.tp = 3}));
  add("experts", serve("gpt-oss-120b", {.tp = 8, .ep = 3}));
  add("no experts", serve("Llama-3.1-8B", {.tp = 2, .ep = 2}));
  add("ranks of the experts", serve("gpt-oss-120b", {.tp = 4, .ep = 2, .moe_tp = 4}));
  add("stages", serve("Llama-3.1-8B", {.pp = 33}));
  add("weights", serve("Llama-3.1-405B", {.tp = 2}));
  const auto server = serve("Llama-3.1-405B", {.tp = 8});
  EXPECT_TRUE(server);
  add("context", server->check({.input_tokens = 200000}));
  add("users", server->check({.concurrency = 1e9}));
  const auto tight = serve("Llama-3.1-70B", {.tp = 1});
  EXPECT_TRUE(tight);
  add("one request", tight->check({.input_tokens = 100000, .output_tokens = 8192}));
  return text;
}

TEST(ServingErrors, read_as_they_are_meant_to) {
  golden::compare(golden_text(), CHURON_SOURCE_DIR "/tests/golden/errors/E04.txt");
}

}  // namespace
}  // namespace churon::estimate
