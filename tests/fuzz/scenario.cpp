// The bytes are a scenario; what is taken and small becomes a program.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "plan/model.h"
#include "plan/scenario_read.h"

using namespace churon;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // Chips are priced and compared by other rooms, which are slow for a fuzzer.
  if (text.find("chip =") != std::string_view::npos) {
    return 0;
  }
  const auto scenario = plan::parse_scenario(text, "fuzz.toml", CHURON_SOURCE_DIR "/data/cost");
  if (!scenario) {
    (void)to_text(scenario.error());
    return 0;
  }
  if (scenario->quarters > 12 || scenario->futures.size() > 12) {
    return 0;
  }
  const plan::FutureTree tree(*scenario);
  double probability = 0;
  for (const int node : tree.of_quarter(scenario->quarters - 1)) {
    probability += tree.nodes()[static_cast<std::size_t>(node)].probability;
  }
  check(probability > 0.999 && probability < 1.001, probability);
  const plan::Model model = plan::model(*scenario, tree, plan::Policy{});
  check(model.program.variable_count() > 0, model.program.row_count());
  return 0;
}
