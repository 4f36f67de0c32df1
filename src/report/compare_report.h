// What `churon compare` says: tables with a verdict on top, a JSON document, a picture.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "evaluate/compare.h"
#include "evaluate/dollars.h"
#include "report/chart.h"
#include "report/format.h"

namespace churon::report {

struct SkippedChip {
  std::string chip;
  std::string reason;
};

struct CompareRecord {
  evaluate::Comparison comparison;
  std::vector<SkippedChip> skipped;  // of --chips all
  evaluate::Dollars dollars;
};

// Sentences are folded to lines of at most `width` columns.
std::string compare_text(const CompareRecord& record, Charset charset, std::size_t width);
Json compare_json(const CompareRecord& record);

// Throughput per chip against interactivity: one panel for each model and workload. Needs fronts.
std::string compare_svg(const CompareRecord& record);
// USD per million tokens (input and output alike) against interactivity, at the lower of purchase
// and rent. Needs fronts.
std::string dollars_svg(const CompareRecord& record);

// One sentence: who leads, by how much, and whether the bands allow to say so.
std::string verdict(const evaluate::Comparison& comparison, const evaluate::ComparedCell& cell);

// "deepseek-v3, 8k/1k"; "aggregated, framework profile vllm".
std::string cell_title(const evaluate::Comparison& comparison, const evaluate::ComparedCell& cell);
std::string conditions(const evaluate::CompareRequest& request);

// The row's chip, "native" behind it where its formats are; the chip, for an own one with its
// derate set: "churon-1 target".
std::string row_name(const evaluate::Comparison& comparison, const evaluate::ComparedRow& row);
std::string contestant_name(const evaluate::Contestant& contestant);

}  // namespace churon::report
