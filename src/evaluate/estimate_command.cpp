#include "evaluate/estimate_command.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "base/shell.h"

namespace churon::evaluate {

namespace {

// A path or a name as it is where no shell would read it otherwise.
std::string word(const std::string& path) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%,";
  return path.find_first_not_of(kPlain) == std::string::npos ? path : shell_quoted(path);
}

}  // namespace

std::string estimate_command(const CompareRequest& request, const ComparedCell& cell,
                             const ComparedRow& row) {
  const Contestant& who = contestant(request, row);
  const Workload& load = workload_of(request, cell);
  const estimate::Parallelism& p = row.best->parallelism;
  std::string text = fmt::format(
      "churon estimate --chip {} --model {}", who.file.empty() ? who.chip->id : word(who.file),
      word(request.model_words.empty()
               ? model_of(request, cell).name
               : request.model_words[static_cast<std::size_t>(cell.model)]));
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
  text += request.disaggregated ? " --disaggregated" : "";
  for (const chip::Value& value : who.chip->values) {
    if (value.origin == chip::OriginKind::command_line) {
      text += " --set " + shell_quoted(value.path + "=" + value.text);
    }
  }
  return text;
}

}  // namespace churon::evaluate
