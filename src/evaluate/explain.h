// Where the inputs of the analytic level come from, as leaves and branches of --explain: values of
// the chip with file, line and source, parameters of data/efficiency.csv with what they rest on,
// and the price of an operator.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "chip/chip.h"
#include "estimate/kernels.h"
#include "estimate/term.h"
#include "evaluate/band.h"

namespace churon::evaluate {

class Explainer {
 public:
  // `chip` must outlive it. Errors: those of reading data/efficiency.csv.
  static Result<Explainer> create(const chip::Chip& chip, const estimate::Device& device);

  // A value of the chip by its path ("power.tdp"), or by its table's wildcard ("memory.*.bandwidth"
  // of the main memory). `value` is in `unit`.
  [[nodiscard]] estimate::Term of_chip(std::string key, std::string text, double value,
                                       std::string unit, std::string_view path) const;
  // All parameters of a scope ("gemm").
  [[nodiscard]] estimate::Term parameters(std::string_view scope,
                                          std::string_view key = "parameters") const;
  // The derate set of an own chip.
  [[nodiscard]] estimate::Term derate() const;
  // `scope`: whose parameters the price used; `operations_formula`: of the work, such as
  // "2 m n k".
  [[nodiscard]] estimate::Term price(std::string key, std::string text,
                                     const estimate::Price& price, estimate::Rate rate,
                                     std::string_view scope,
                                     std::string_view operations_formula) const;

  // P10 and P90 around a value in `unit`.
  static estimate::Term band(std::string key, double value, const std::string& unit,
                             const ErrorBand& band);

 private:
  [[nodiscard]] estimate::Term across(const estimate::Price& price) const;
  struct Provenance {
    std::string basis, source, fit_rows;
  };
  Explainer(const chip::Chip& chip, const estimate::Device& device)
      : chip_(&chip), device_(&device) {}

  const chip::Chip* chip_;
  const estimate::Device* device_;
  std::map<std::pair<std::string, std::string>, Provenance, std::less<>> provenance_;
};

}  // namespace churon::evaluate
