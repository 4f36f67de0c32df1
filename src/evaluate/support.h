// Which measured rows stand behind a prediction: rows of the same chip, and of the same chip and
// model, in the tables under data/measured.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "evaluate/measured.h"

namespace churon::evaluate {

// What a number rests on.
enum class Basis {
  design,      // our own description: nothing was built
  datasheet,   // the maker's figures and what other chips achieve of theirs
  calibrated,  // rows of this chip took part in the calibration
  measured,    // … and rows of this chip with this very model
};
std::string_view name(Basis basis);

struct SupportingFile {
  std::string file;  // "serving_nvidia.csv"
  int rows = 0;
};

struct Support {
  Basis basis = Basis::datasheet;
  std::vector<SupportingFile> files;  // rows of this chip and model; by name
  int chip_rows = 0;                  // of this chip, whatever they measured
};

class SupportIndex {
 public:
  // Every table of data/measured; empty where that folder is not there. Rows graded C do not count.
  static SupportIndex shipped();
  static SupportIndex from(const Measured& measured);

  [[nodiscard]] Support of(const chip::Chip& chip, const model::Hyperparameters& model) const;

 private:
  std::map<std::string, int, std::less<>> by_chip_;
  std::map<std::pair<std::string, std::string>, std::map<std::string, int>> by_pair_;
};

}  // namespace churon::evaluate
