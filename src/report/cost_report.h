// What `churon cost` prints: the costs of a chip as a text and as a JSON document, and why a number
// is what it is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cost/costing.h"
#include "cost/draws.h"
#include "report/format.h"

namespace churon::report {

struct CostRecord {
  cost::Costing costing;
  cost::DrawOptions draws;
  std::vector<std::string> scenarios;
  // Of costing.printed(), in its order.
  std::vector<cost::NodeId> printed;
  std::vector<cost::Quantiles> quantiles;
  // Of the bill of material and of the hour; empty where there is none.
  std::vector<cost::Effect> cogs_effects, hourly_effects;
  // Why nobody could make the chip as it is described, where that is known.
  std::vector<std::string> obstacles = {};
};

// Draws, and moves every factor alone.
CostRecord cost_record(cost::Costing costing, const cost::DrawOptions& draws,
                       std::vector<std::string> scenarios);

// Sentences are folded to lines of at most `width` columns.
std::string cost_text(const CostRecord& record, Charset charset, std::size_t width);
Json cost_json(const CostRecord& record);

// Formula, value and inputs of a quantity and of all that it rests on. `key` names a quantity, an
// input (with what it does in the tornado), a headline of the JSON document ("cogs_usd"), a factor
// ("hbm": its inputs) or what several quantities begin with ("way.inhouse"). Errors: K0304 (none of
// these).
Result<std::string> cost_explanation(const CostRecord& record, std::string_view key);

}  // namespace churon::report
