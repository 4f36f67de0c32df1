#include "silicon/area.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace churon::silicon {

namespace {

template <typename T>
Band band(const chip::Sourced<T>& from) {
  const auto plain = [](const T& value) {
    if constexpr (std::is_same_v<T, double>) {
      return value;
    } else {
      return value.value();
    }
  };
  return {plain(from.low.value_or(from.value)), plain(from.value),
          plain(from.high.value_or(from.value))};
}

Cause cause(std::string name, const Band& band) {
  return {std::move(name), band.low, band.central, band.high};
}

std::string grouped(double count) {
  std::string digits = fmt::format("{:.0f}", count);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

std::string counted(const chip::AreaBlock& block) {
  if (block.unit == "B") {
    return rounded_text(block.count, QuantityKind::size, 4);
  }
  const bool is_plural = block.count != 1 && block.unit != "MAC";
  return fmt::format("{} {}{}", grouped(block.count), block.unit, is_plural ? "s" : "");
}

// Where the values of the causes stand: one for each block, then these.
struct Layout {
  std::size_t blocks = 0;
  [[nodiscard]] std::size_t logic() const { return blocks; }
  [[nodiscard]] std::size_t sram() const { return blocks + 1; }
  [[nodiscard]] std::size_t utilisation() const { return blocks + 2; }
  [[nodiscard]] std::size_t contingency() const { return blocks + 3; }
};

Result<Move> move_of(const chip::Chip& chip, std::string_view word) {
  if (word.empty()) {
    return Move{};
  }
  const auto table = read_technology();
  if (!table) {
    return fail(table);
  }
  const auto known = nodes(*table);
  if (!known) {
    return fail(known);
  }
  const auto to = find_node(*known, word);
  if (!to) {
    return fail(to);
  }
  const auto from = find_node(*known, chip.technology->library);
  if (!from) {
    auto errors = from.error();
    errors.front().notes.push_back(
        fmt::format("it is the node of {} ([tech] library), from which areas would move", chip.id));
    return tl::unexpected(std::move(errors));
  }
  return move(*from, *to);
}

}  // namespace

double AreaBudget::core() const {
  double sum = 0;
  for (const BlockArea& block : blocks) {
    sum += block.site == chip::Site::core ? block.net.central : 0;
  }
  return sum / static_cast<double>(cores);
}

Result<AreaBudget> area(const chip::Chip& chip, std::string_view node) {
  if (chip.kind != chip::Kind::full) {
    return fail(
        "A0201",
        fmt::format("{} is a bought chip: the area of its blocks is not published", chip.id),
        {"chips of our own have blocks: churon-0, churon-1, churon-1h4, or a description of "
         "kind = \"full\""});
  }
  const auto moved = move_of(chip, node);
  if (!moved) {
    return fail(moved);
  }
  const Move& move = *moved;
  const auto blocks = chip::area_blocks(chip);
  const double spare_share =
      static_cast<double>(chip::spare_cores(chip)) / static_cast<double>(chip::cores(chip));
  const Layout at{blocks.size()};

  std::vector<Cause> causes;
  for (const chip::AreaBlock& block : blocks) {
    causes.push_back(cause(block.paths.front(), band(block.each)));
  }
  causes.push_back(cause("logic density of " + move.to, move.logic_area));
  causes.push_back(cause("bit cell of " + move.to, move.sram_area));
  causes.push_back(cause("tech.utilisation", band(chip.technology->utilisation)));
  causes.push_back(cause("tech.area_contingency", band(chip.technology->area_contingency)));

  const auto each = [&](std::size_t i, const std::vector<double>& v) {
    switch (blocks[i].scaling) {
      case chip::Scaling::logic:
        return v[i] * v[at.logic()];
      case chip::Scaling::sram:
        return v[i] * v[at.sram()];
      case chip::Scaling::fixed:
        return v[i];
    }
    return 0.0;
  };
  const auto spares = [&](const std::vector<double>& v) {
    double of_cores = 0;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      of_cores += blocks[i].site == chip::Site::core ? blocks[i].count * each(i, v) : 0;
    }
    return of_cores * spare_share;
  };
  const auto net = [&](const std::vector<double>& v) {
    double sum = spares(v);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      sum += blocks[i].count * each(i, v);
    }
    return sum;
  };
  const auto gross = [&](const std::vector<double>& v) {
    return net(v) / v[at.utilisation()] * (1 + v[at.contingency()]);
  };

  AreaBudget budget{.library = chip.technology->library,
                    .move = move,
                    .cores = chip::cores(chip),
                    .spare_cores = chip::spare_cores(chip),
                    .blocks = {},
                    .spares = spread(causes, spares),
                    .net = spread(causes, net),
                    .utilisation = band(chip.technology->utilisation),
                    .contingency = band(chip.technology->area_contingency),
                    .gross = spread(causes, gross),
                    .drawn = chip::die_area(chip),
                    .causes = {}};
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Band of_one = spread(causes, [&](const std::vector<double>& v) { return each(i, v); });
    budget.blocks.push_back({blocks[i].id, blocks[i].name, blocks[i].scaling, blocks[i].site,
                             blocks[i].count, counted(blocks[i]), of_one,
                             of_one * blocks[i].count});
  }
  std::vector<double> values;
  for (const Cause& one : causes) {
    values.push_back(one.central);
  }
  for (std::size_t i = 0; i < causes.size(); ++i) {
    AreaCause moves{.name = causes[i].name};
    for (const double end : {causes[i].low, causes[i].high}) {
      values[i] = end;
      const double by = gross(values) - budget.gross.central;
      (by < 0 ? moves.below : moves.above) = by;
    }
    values[i] = causes[i].central;
    if (moves.below != 0 || moves.above != 0) {
      budget.causes.push_back(moves);
    }
  }
  std::stable_sort(
      budget.causes.begin(), budget.causes.end(),
      [](const AreaCause& a, const AreaCause& b) { return a.above - a.below > b.above - b.below; });
  return budget;
}

}  // namespace churon::silicon
