#include "plan/elastic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/checker.h"

namespace churon::plan {

namespace {

// What counts as broken, relative to the size of the row's bounds.
constexpr double kBroken = 1e-7;

double size(const Row& row) {
  double largest = 1;
  for (const double bound : {row.lower, row.upper}) {
    largest = std::isfinite(bound) ? std::max(largest, std::fabs(bound)) : largest;
  }
  return largest;
}

struct Slack {
  VariableId above, below;  // no index: that bound is infinite
};

void set_price(Program& program, const Slack& slack, double price) {
  for (const VariableId id : {slack.above, slack.below}) {
    if (id.index >= 0) {
      program.at(id).cost = price;
    }
  }
}

struct ElasticProgram {
  Program program;
  std::vector<Slack> slacks;  // by elastic row
};

// The same variables and rows, with slacks behind them; only the slacks have a cost.
ElasticProgram made_elastic(const Program& program, std::span<const Elastic> elastic) {
  ElasticProgram made;
  for (Variable variable : program.variables()) {
    variable.cost = 0;
    made.program.add(std::move(variable));
  }
  std::vector<Slack> of_row(program.rows().size());
  for (const Elastic& one : elastic) {
    const Row& row = program.at(one.row);
    Slack slack;
    if (std::isfinite(row.upper)) {
      slack.above = made.program.add({.name = "above." + row.name, .cost = one.price});
    }
    if (std::isfinite(row.lower)) {
      slack.below = made.program.add({.name = "below." + row.name, .cost = one.price});
    }
    of_row[static_cast<std::size_t>(one.row.index)] = slack;
    made.slacks.push_back(slack);
  }
  for (int i = 0; i < program.row_count(); ++i) {
    const auto own = program.terms({i});
    std::vector<Term> terms(own.begin(), own.end());
    const Slack& slack = of_row[static_cast<std::size_t>(i)];
    if (slack.above.index >= 0) {
      terms.push_back({slack.above, -1});
    }
    if (slack.below.index >= 0) {
      terms.push_back({slack.below, 1});
    }
    made.program.add(program.at(RowId{i}), terms);
  }
  return made;
}

// Leaves out of `rows` (indices of elastic rows) what the smallest relaxation is no smaller
// without: first many at once, then one by one. `linear` has free slacks for all other rows.
Result<void> leave_out(Program linear, std::span<const Elastic> elastic,
                       const std::vector<Slack>& slacks, double smallest,
                       const SolveOptions& options, std::vector<std::size_t>& rows) {
  constexpr double kSame = 1e-6;      // relative
  constexpr int kProgramsMost = 200;  // what is left then may hold more than is needed
  int solved = 0;
  for (std::size_t chunk = std::max<std::size_t>(1, rows.size() / 2);; chunk /= 2) {
    for (std::size_t at = 0; at < rows.size() && solved < kProgramsMost;) {
      const std::size_t end = std::min(rows.size(), at + chunk);
      for (std::size_t i = at; i < end; ++i) {
        set_price(linear, slacks[rows[i]], 0);
      }
      const auto without = solve(linear, options);
      ++solved;
      if (!without) {
        return fail(without);
      }
      if (without->status != Status::optimal) {
        return {};
      }
      if (without->objective >= smallest * (1 - kSame)) {
        rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(at),
                   rows.begin() + static_cast<std::ptrdiff_t>(end));
      } else {
        for (std::size_t i = at; i < end; ++i) {
          set_price(linear, slacks[rows[i]], elastic[rows[i]].price);
        }
        at = end;
      }
    }
    if (chunk == 1) {
      return {};
    }
  }
}

}  // namespace

tl::unexpected<Diagnostics> contradiction() {
  return fail("S0203",
              "the solver finds that nothing satisfies all rows, and then something that does",
              {"rows that exclude each other by less than rounding are a frequent reason; another "
               "solver may do better: --solver"});
}

Result<std::optional<Conflict>> conflict(const Program& program, std::span<const Elastic> elastic,
                                         const SolveOptions& of_program) {
  SolveOptions options = of_program;
  options.improved = {};  // its solutions are none of the program
  const ElasticProgram made = made_elastic(program, elastic);
  const auto mixed = solve(made.program, options);
  if (!mixed) {
    return fail(mixed);
  }
  if (mixed->status != Status::optimal) {
    return std::optional<Conflict>();
  }
  Conflict found;
  for (std::size_t i = 0; i < elastic.size(); ++i) {
    const auto value = [&](VariableId id) {
      return id.index < 0 ? 0.0 : mixed->values[static_cast<std::size_t>(id.index)];
    };
    const double by = value(made.slacks[i].above) - value(made.slacks[i].below);
    if (std::fabs(by) > kBroken * size(program.at(elastic[i].row))) {
      found.smallest.push_back({elastic[i].row, by});
    }
  }
  if (found.smallest.empty()) {
    const auto own = std::span(mixed->values).first(program.variables().size());
    const bool is_solution = violations(program, own, program.objective(own)).empty();
    return is_solution ? std::optional(Conflict{}) : std::nullopt;
  }
  // With the integers where the smallest relaxation has them.
  Program linear = with_integers_fixed(made.program, mixed->values);
  const auto priced = mixed->duals.empty() ? solve(linear, options) : mixed;
  if (!priced) {
    return fail(priced);
  }
  if (priced->status != Status::optimal) {
    return std::optional<Conflict>();
  }
  std::vector<std::size_t> rows;  // of which one has a price: the others change nothing
  for (std::size_t i = 0; i < elastic.size(); ++i) {
    const auto row = static_cast<std::size_t>(elastic[i].row.index);
    if (std::fabs(priced->duals[row]) > kBroken * elastic[i].price) {
      rows.push_back(i);
      continue;
    }
    set_price(linear, made.slacks[i], 0);
  }
  if (const auto done = leave_out(linear, elastic, made.slacks, priced->objective, options, rows);
      !done) {
    return fail(done);
  }
  for (const std::size_t i : rows) {
    found.rows.push_back(elastic[i].row);
  }
  return std::optional<Conflict>(std::move(found));
}

std::vector<Elastic> all_rows(const Program& program) {
  std::vector<Elastic> rows;
  for (int i = 0; i < program.row_count(); ++i) {
    rows.push_back({{i}, 1 / size(program.at(RowId{i}))});
  }
  return rows;
}

}  // namespace churon::plan
