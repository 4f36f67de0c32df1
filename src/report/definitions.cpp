#include "report/definitions.h"

#include <array>

#include "base/text.h"
#include "report/format.h"

namespace churon::report {

namespace {

constexpr std::array kDefinitions{
    Definition{"TTFT", "from a request's arrival to its first token, waiting included"},
    Definition{"TPOT",
               "mean time between two tokens of a request after its first; prefills of other "
               "requests on the same chips included"},
    Definition{"ITL",
               "median time between two tokens of a request: a decode step, and prompts where they "
               "come between often"},
    Definition{"throughput", "generated tokens per second of all requests; prompts do not count"},
    Definition{"goodput", "throughput of the requests that keep the limits on TPOT and TTFT"},
    Definition{"interactivity", "1 / TPOT: tokens per second that one user sees"},
    Definition{"bound", "what physics allows: peak rates, every byte moved once, no fixed time"},
    Definition{"expected",
               "with what chips and frameworks achieve (data/efficiency.csv); own chips: by their "
               "derate set"},
    Definition{"P10..P90",
               "of ten measured values eight lie inside, by rows not fitted to; own chips: low and "
               "high of the derate set"},
    Definition{"J/token", "mean power of the chips alone / throughput"},
};

}  // namespace

std::span<const Definition> serving_definitions() { return kDefinitions; }

std::string definitions_text() {
  Table table({Align::left, Align::left});
  for (const Definition& definition : kDefinitions) {
    table.row({std::string(definition.word), std::string(definition.meaning)});
  }
  return table.text("  ");
}

Json definitions_json() {
  Json json;
  for (const Definition& definition : kDefinitions) {
    json[to_lower_ascii(definition.word)] = definition.meaning;
  }
  return json;
}

}  // namespace churon::report
