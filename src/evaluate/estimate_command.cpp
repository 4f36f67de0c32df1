#include "evaluate/estimate_command.h"

#include <fmt/format.h>

#include <utility>

namespace churon::evaluate {

std::string estimate_command(const CompareRequest& request, const ComparedCell& cell,
                             const ComparedRow& row) {
  const Contestant& who = request.contestants[static_cast<std::size_t>(row.contestant)];
  const Workload& load = request.workloads[static_cast<std::size_t>(cell.workload)];
  const estimate::Parallelism& p = row.best->parallelism;
  std::string text = fmt::format("churon estimate --chip {} --model {}", who.chip->id,
                                 request.models[static_cast<std::size_t>(cell.model)]->name);
  if (!who.derate.empty()) {
    text += " --derate " + who.derate;
  }
  for (const auto& [option, value] :
       {std::pair{"tp", p.tp}, std::pair{"pp", p.pp}, std::pair{"ep", p.ep},
        std::pair{"attn-dp", p.attention_dp}}) {
    text += value > 1 ? fmt::format(" --{} {}", option, value) : "";
  }
  text += fmt::format(" --weights {} --batch {:.0f} --input {:.0f} --output {:.0f}",
                      row.formats.weights->name, row.best->concurrency, load.input_tokens,
                      load.output_tokens);
  if (row.framework != estimate::kFrameworkDefault) {
    text += fmt::format(" --framework {}", estimate::name(row.framework));
  }
  if (request.prefix_hit > 0) {
    text += fmt::format(" --prefix-hit {:g}", request.prefix_hit);
  }
  return text + (request.disaggregated ? " --disaggregated" : "");
}

}  // namespace churon::evaluate
