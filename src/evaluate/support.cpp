#include "evaluate/support.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/data_dir.h"

namespace churon::evaluate {

namespace fs = std::filesystem;

std::string_view name(Basis basis) {
  switch (basis) {
    case Basis::design:
      return "design";
    case Basis::datasheet:
      return "datasheet";
    case Basis::calibrated:
      return "calibrated";
    case Basis::measured:
      return "measured";
  }
  return "";
}

SupportIndex SupportIndex::from(const Measured& measured) {
  SupportIndex index;
  for (const MeasuredRow& row : measured.rows) {
    if (row.grade == Grade::c) {
      continue;
    }
    ++index.by_chip_[row.chip_name];
    if (row.model != nullptr) {
      const std::string& file = measured.files[static_cast<std::size_t>(row.file)].name;
      ++index.by_pair_[{row.chip_name, row.model_name}][file];
    }
  }
  return index;
}

SupportIndex SupportIndex::shipped() {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::directory_iterator it(data_path("data/measured"), error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".csv") {
      paths.push_back(it->path().string());
    }
  }
  std::sort(paths.begin(), paths.end());
  MeasuredReader reader;
  for (const std::string& path : paths) {
    reader.read(path);  // what is wrong in a table is what `validate` says
  }
  return from(reader.take());
}

Support SupportIndex::of(const chip::Chip& chip, const model::Hyperparameters& model) const {
  Support support;
  const auto rows = by_chip_.find(chip.name);
  support.chip_rows = rows == by_chip_.end() ? 0 : rows->second;
  const std::string& model_name = model.canonical_name.empty() ? model.name : model.canonical_name;
  const auto pair = by_pair_.find({chip.name, model_name});
  if (pair != by_pair_.end()) {
    for (const auto& [file, count] : pair->second) {
      support.files.push_back({file, count});
    }
  }
  support.basis = chip.kind == chip::Kind::full ? Basis::design
                  : !support.files.empty()      ? Basis::measured
                  : support.chip_rows > 0       ? Basis::calibrated
                                                : Basis::datasheet;
  return support;
}

}  // namespace churon::evaluate
