// The price of the main memory, and who makes it.
#include <fmt/format.h>

#include <array>

#include "cost/die_cost.h"

namespace churon::cost {

namespace {

constexpr double kGb = 1e-9;  // of a byte

std::string_view hbm_row(std::string_view type, HbmBasis basis, Month today) {
  if (type == "hbm3e") {
    constexpr Month k2025{2025 * 12}, k2026{2026 * 12};
    return basis == HbmBasis::bom || today < k2025 ? "hbm3e.price_2024"
           : today < k2026                         ? "hbm3e.price_2025"
                                                   : "hbm3e.price_2026";
  }
  struct TypeRow {
    std::string_view type, row;
  };
  constexpr std::array kTypes{
      TypeRow{"hbm2e", "hbm2e.price"},
      TypeRow{"hbm2", "hbm2e.price"},
      TypeRow{"hbm3", "hbm3.price"},
      TypeRow{"hbm4", "hbm4.price"},
      TypeRow{"lpddr5x", "lpddr5x.price_2026"},
      TypeRow{"gddr7", "gddr7.price"},
      TypeRow{"ddr5", "ddr5.price_2026"},
  };
  for (const TypeRow& row : kTypes) {
    if (row.type == type) {
      return row.row;
    }
  }
  return {};
}

std::string_view vendor_row(std::string_view vendor) {
  return vendor == "sk-hynix"  ? "hbm.share.skhynix"
         : vendor == "samsung" ? "hbm.share.samsung"
         : vendor == "micron"  ? "hbm.share.micron"
                               : "";
}

// Who makes the stacks: the share of the world's output that the qualified makers have together,
// and how much of it is left without the largest of them.
void vendors(Builder& b, const chip::Memory& memory, Section& section) {
  if (!memory.type.starts_with("hbm") || memory.vendors.empty()) {
    return;
  }
  std::vector<Expr> shares;
  Expr largest = b.tree.constant(0);
  for (const std::string& vendor : memory.vendors) {
    if (const std::string_view key = vendor_row(vendor); !key.empty()) {
      shares.push_back(b.row(key, "1"));
      section.lines.push_back(shares.back().id);
      largest = larger(largest, shares.back());
    }
  }
  if (shares.empty()) {
    return;
  }
  const Expr all = b.name("memory.qualified_share",
                          fmt::format("of the world's HBM: {}", fmt::join(memory.vendors, ", ")),
                          "1", sum(shares));
  const Expr rest = b.name("memory.share_without_largest", "left when the largest of them fails",
                           "1", all - largest);
  section.lines.insert(section.lines.end(), {all.id, rest.id});
}

}  // namespace

std::optional<Expr> memory_cost(Builder& b) {
  const chip::Memory& memory = chip::main_memory(b.chip);
  const bool own = b.chip.kind == chip::Kind::full;
  const std::string path = fmt::format("memory.{}", memory.id);
  Section section{.title = "Memory", .lines = {}};
  std::optional<Expr> cost;
  if (memory.price_per_stack &&
      b.options.hbm_basis.value_or(HbmBasis::description) == HbmBasis::description) {
    b.costing.hbm_basis = "description";
    const Expr stacks = b.fact(path + ".stacks", static_cast<double>(memory.stacks), "stacks");
    cost = b.name("cogs.memory", fmt::format("{} stacks of {}", memory.stacks, memory.type), "USD",
                  stacks * b.given(path + ".price_per_stack", *memory.price_per_stack, 1,
                                   "USD/stack", "hbm"));
  } else {
    const HbmBasis basis =
        b.options.hbm_basis.value_or(HbmBasis::description) == HbmBasis::description
            ? (own ? HbmBasis::contract : HbmBasis::bom)
            : *b.options.hbm_basis;
    b.costing.hbm_basis = basis == HbmBasis::bom ? "bom" : "contract";
    const std::string_view key = hbm_row(memory.type, basis, b.costing.today);
    if (key.empty()) {
      b.costing.not_priced.push_back(
          fmt::format("memory: the tables have no price of {}", memory.type));
      return std::nullopt;
    }
    const bool has_stacks = memory.stacks > 0 && memory.capacity_per_stack.has_value();
    const Expr size =
        has_stacks ? b.name("memory.capacity", "on all stacks, what is switched off included", "GB",
                            b.fact(path + ".stacks", static_cast<double>(memory.stacks), "stacks") *
                                b.fact(path + ".capacity_per_stack",
                                       memory.capacity_per_stack->value() * kGb, "GB/stack"))
                   : b.fact(path + ".capacity", chip::memory_capacity(memory).value() * kGb, "GB");
    Expr per_gb = b.row(key, "USD/GB");
    if (own && memory.type.starts_with("hbm")) {
      per_gb = b.name("memory.price", "price of a small buyer", "USD/GB",
                      per_gb * b.row("hbm3e.newcomer_premium", "ratio"));
      section.lines.push_back(per_gb.id);
    }
    cost = b.name("cogs.memory", fmt::format("{:.4g} GB of {}", b.central(size), memory.type),
                  "USD", size * per_gb);
    section.lines.push_back(size.id);
  }
  vendors(b, memory, section);
  section.lines.push_back(cost->id);
  b.costing.sections.push_back(std::move(section));
  return cost;
}

}  // namespace churon::cost
