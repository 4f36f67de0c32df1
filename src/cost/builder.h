// What the parts of a costing share while they are built: rows of the tables and values of the chip
// as inputs of one tree, and what could not be found.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chip/chip.h"
#include "cost/costing.h"
#include "cost/tables.h"

namespace churon::cost {

class Builder {
 public:
  Builder(const chip::Chip& chip, const Tables& tables, const CostOptions& options,
          Costing& costing);

  const chip::Chip& chip;
  const CostOptions& options;
  Costing& costing;
  Tree& tree;

  // The node of that name among this chip's; none where nothing has made it.
  [[nodiscard]] std::optional<Expr> find(std::string_view key) const;
  // A row of the tables, in the unit that its use expects; a missing one and one in another unit is
  // a finding.
  Expr row(std::string_view key, std::string_view unit);
  [[nodiscard]] bool has_row(std::string_view key) const { return tables_.find(key) != nullptr; }
  // What follows `prefix` in the keys of rows: "N5" of "d0.N5".
  [[nodiscard]] std::vector<std::string> named_after(std::string_view prefix) const;
  // Empty where there is no such row.
  [[nodiscard]] std::string_view unit_of(std::string_view key) const;

  // A sourced value of the description at `path`, in another unit: value * scale. `of`: another
  // chip's description.
  template <typename T>
  Expr given(std::string_view path, const chip::Sourced<T>& value, double scale, std::string unit,
             const std::string& group = {}, const chip::Chip* of = nullptr) {
    const double central = plain(value.value) * scale;
    return given(path,
                 {value.low ? plain(*value.low) * scale : central, central,
                  value.high ? plain(*value.high) * scale : central},
                 std::move(unit), group, of == nullptr ? chip : *of);
  }
  // A value without bounds.
  Expr fact(std::string_view path, double value, std::string unit);
  // A number that is worked out outside the tree, or a convention.
  Expr derived(std::string key, double value, std::string unit, std::string text,
               std::string source, std::string note = {});

  // The same with bounds.
  Expr modelled(std::string key, Range range, std::string unit, std::string text,
                std::string source, std::string note = {});

  [[nodiscard]] double central(Expr expr) const { return central_value(tree, expr.id); }
  Expr name(std::string key, std::string text, std::string unit, Expr value) {
    return tree.name(options.prefix + std::move(key), std::move(text), std::move(unit), value);
  }
  [[nodiscard]] const Diagnostics& findings() const { return findings_; }
  void find(Diagnostic finding) { findings_.push_back(std::move(finding)); }

 private:
  static double plain(double value) { return value; }
  template <typename T>
  static double plain(const T& value) {
    return value.value();
  }
  Expr given(std::string_view path, Range range, std::string unit, const std::string& group,
             const chip::Chip& of);
  Expr add(Input input);

  const Tables& tables_;
  Diagnostics findings_;
};

// --- parts --------------------------------------------------------------------------------------

struct Bill {
  std::optional<Expr> cogs;
  std::optional<Expr> dies;  // all dies of a chip
  std::optional<Expr> memory;
  std::optional<Expr> wafers;  // of one chip
  std::optional<Expr> wafer_price;
};
Bill bill_of_own(Builder& builder);
Bill bill_of_bought(Builder& builder, const Recipe* recipe);

// Memory of the main tier; nothing where its price is not in the tables.
std::optional<Expr> memory_cost(Builder& builder);

// The programme of an own chip and the ways to make it; adds sections.
struct Programme {
  std::optional<Expr> price;  // from a partner: `unit` and `share`
  std::optional<Expr> unit, share;
};
Programme programme(Builder& builder, const Bill& bill);

// What an hour costs; adds sections.
void ownership_of_own(Builder& builder, const Bill& bill, const Programme& programme);
void ownership_of_bought(Builder& builder, const Bill& bill, const Recipe* recipe);

// "tsmc-n3e-public", "TSMC 4NP": "N3", "N4"; empty where none of the tables' nodes is meant.
std::string node_class(std::string_view node);

}  // namespace churon::cost
