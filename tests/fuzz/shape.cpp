// The bytes are a config.json, or a row file of models by shape; what is taken gives a graph whose
// counts are computed. Their first line may name a model.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "graph/graph.h"
#include "model/shapes.h"

namespace {

using namespace churon;

void count(const model::Hyperparameters& h) {
  // Layers alike count alike: a few of them are enough.
  constexpr std::int64_t kLayers = 8;
  model::Hyperparameters few = h;
  few.layers = std::min(few.layers, kLayers);
  for (const graph::Step& step : {graph::decode_step(3, 1000), graph::prefill_step(33, 7),
                                  graph::Step{{{2, 100, 1, 1}, {1, 50, 300, 2}}}}) {
    const graph::Graph built = graph::graph(few, step);
    const graph::Work work = graph::total_work(built);
    check(work.macs > 0 && work.kv_write_elements > 0 && work.vector_operations >= 0, work.macs);
    check(graph::active_parameter_count(built) > 0, h.name);
    (void)graph::to_text(built);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto config = model::parse_config(text, "config.json")) {
    count(*config);
  } else {
    (void)to_text(config.error());
  }
  const auto shapes = model::parse_shapes(text, "models.csv");
  if (!shapes) {
    (void)to_text(shapes.error());
    return 0;
  }
  for (const model::Shape& row : shapes->rows) {
    count(row.hyperparameters);
  }
  const std::string_view first = std::string_view(text).substr(0, text.find('\n'));
  if (const auto found = model::find_shape(*shapes, first); !found) {
    (void)to_text(found.error());
  }
  return 0;
}
