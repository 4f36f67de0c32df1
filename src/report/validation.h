// What `churon validate` says: predictions beside measured rows, as a text for people, as JSON, as
// one line a row (CSV), as the generated part of docs/validation.md, and as pictures.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "evaluate/fit.h"
#include "evaluate/measured.h"
#include "evaluate/validate.h"
#include "report/format.h"

namespace churon::report {

struct ValidationRecord {
  evaluate::Measured measured;
  std::vector<evaluate::Prediction> predictions;  // with the parameters in use
  std::string parameters;                         // where they come from
  std::optional<evaluate::CrossValidation> test;
  std::vector<evaluate::ChipLeftOut> left_out;  // one chip at a time
  std::optional<evaluate::By> by;
  int worst = 10;  // rows shown
};

std::string validation_text(const ValidationRecord& record, Charset charset);
Json validation_json(const ValidationRecord& record);
std::string validation_csv(const ValidationRecord& record);
// Markdown, without a heading of its own. `pictures`: the folder they are linked from.
std::string validation_markdown(const ValidationRecord& record, const std::string& pictures);

// The figures that have a target, as a Markdown table.
std::string validation_headline(const ValidationRecord& record);

struct Picture {
  std::string name;  // "by-chip.svg"
  std::string svg;
};
std::vector<Picture> validation_pictures(const ValidationRecord& record);

}  // namespace churon::report
