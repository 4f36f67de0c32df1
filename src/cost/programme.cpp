// What it takes to have a chip of one's own: the programme by its parts, and three ways to make it.
#include <fmt/format.h>

#include "cost/builder.h"
#include "cost/process.h"

namespace churon::cost {

namespace {

constexpr double kMillion = 1e6;
constexpr double kMonthsYear = 12;

struct Parts {
  Expr frontend, verification, software, bring_up;  // people of one's own, USD million
  Expr backend, ip, eda, masks, package;            // what a partner may carry
  Expr respin;                                      // expected
  Expr months;                                      // to volume
};

Expr people(Builder& b, const std::string& key, const std::string& text, Expr heads, Expr months) {
  return b.name("nre." + key, text, "USD million",
                heads * b.row("team.loaded_cost", "USD_million/person/yr") * months / kMonthsYear);
}

Parts parts_of(Builder& b, const std::string& node) {
  const Expr design = b.row("schedule.concept_to_tapeout", "months");
  const Expr fab = b.row("schedule.tapeout_to_first_silicon", "months");
  const Expr ramp = b.row("schedule.first_silicon_to_volume", "months");
  const Expr months = b.name("nre.months", "from concept to volume, with the usual slip", "months",
                             design + fab + ramp + b.row("schedule.slip", "months"));
  const Expr masks = b.row(mask_row(b, node), "USD_million");
  const Expr ip = b.name("nre.ip", "licences of HBM, SerDes and PCIe blocks", "USD million",
                         b.row("ip.hbm_phy_controller", "USD_million") +
                             b.row("ip.serdes_112_224g", "USD_million") +
                             b.row("ip.pcie_cxl_misc", "USD_million"));
  return {
      .frontend = people(b, "frontend", "architecture and RTL",
                         b.row("team.engineers_inhouse", "people"), design),
      .verification = people(b, "verification", "verification",
                             b.row("team.verification", "people"), design + fab),
      .software = people(b, "software", "compiler, kernels, runtime, serving",
                         b.row("software.team", "people"), design + fab + ramp),
      .bring_up = people(b, "bring_up", "laboratory, firmware, tests",
                         b.row("team.bring_up", "people"), fab + ramp),
      .backend =
          people(b, "backend", "physical design", b.row("team.physical_design", "people"), design),
      .ip = ip,
      .eda = b.name("nre.eda", "tools and emulation", "USD million",
                    b.row("eda.per_year", "USD_million") * (design + fab) / kMonthsYear +
                        b.row("eda.emulation", "USD_million")),
      .masks = b.name("nre.masks", "one set of masks", "USD million", masks + 0),
      .package = b.name("nre.package", "development of the package", "USD million",
                        b.row("package.nre_2p5d", "USD_million") + 0),
      .respin = b.name("nre.respin", "expected for corrections in metal", "USD million",
                       (1 - b.row("tapeout.first_silicon_success", "1")) * masks *
                           b.row("mask_set.metal_respin_fraction", "1")),
      .months = months,
  };
}

Expr owned(const Parts& p) { return p.frontend + p.verification + p.software + p.bring_up; }
Expr carried(const Parts& p) { return p.backend + p.ip + p.eda + p.masks + p.package + p.respin; }

struct WayInputs {
  Expr units, cogs, dies, wafers, wafer_price, margin;
};

Expr per_chip(Builder& b, const std::string& way, Expr nre, Expr unit, Expr units) {
  return b.name("way." + way + ".per_chip", "unit and its share of the programme", "USD",
                unit + nre * kMillion / units);
}

// More for the programme, less for the unit: from how many units on it pays.
NodeId break_even(Builder& b, const std::string& way, const std::string& text, Expr more,
                  Expr saved) {
  return b.name("way." + way + ".break_even", text, "units", more * kMillion / saved).id;
}

void three_ways(Builder& b, const Parts& parts, const WayInputs& in) {
  const Expr share = b.row("way.partner.backend_share", "1");
  const Expr nre1 = b.name("way.partner.nre", "paid before volume", "USD million",
                           owned(parts) + share * carried(parts));
  const Expr unit1 = b.name("way.partner.unit", "the partner's price, programme apart", "USD",
                            in.cogs / (1 - in.margin));
  const Expr months1 = b.name("way.partner.months", "to volume", "months", parts.months);
  b.costing.ways.push_back({"partner", "ASIC partner (Broadcom class)", nre1.id, unit1.id,
                            per_chip(b, "partner", nre1, unit1, in.units).id, months1.id,
                            std::nullopt});

  const Expr more2 = b.name("way.inhouse.more", "that the partner would have carried",
                            "USD million", (1 - share) * carried(parts));
  const Expr nre2 = b.name("way.inhouse.nre", "paid before volume", "USD million", nre1 + more2);
  const Expr dearer =
      in.dies * (1 / b.row("wafer_price.volume_discount_large_customer", "ratio") - 1);
  const Expr unit2 =
      b.name("way.inhouse.unit", "own bill of material, without the discount of a large customer",
             "USD", (in.cogs + dearer) * (1 + b.row("way.inhouse.operations", "1")));
  const Expr months2 = b.name("way.inhouse.months", "to volume", "months",
                              parts.months + b.row("way.inhouse.months_extra", "months"));
  b.costing.ways.push_back(
      {"inhouse", "in-house design, foundry", nre2.id, unit2.id,
       per_chip(b, "inhouse", nre2, unit2, in.units).id, months2.id,
       break_even(b, "inhouse", "cheaper than the partner from", more2, unit1 - unit2)});

  const Expr capacity = b.row("way.foundry.smallest_fab", "k wafers/month");
  const Expr per_wpm = b.row("fab.tsmc_arizona_fab1_actual", "USD_billion") / 20;
  const Expr fab = b.name("way.foundry.fab", "the smallest fab that makes sense", "USD billion",
                          capacity * per_wpm);
  const Expr more3 = b.name("way.foundry.more", "process and fab", "USD million",
                            (fab + b.row("fab.process_development", "USD_billion")) * 1000);
  const Expr nre3 =
      b.name("way.foundry.nre", "design, process and fab", "USD million", nre2 + more3);
  const Expr saved =
      b.name("way.foundry.saved", "own wafers at cash cost", "USD",
             in.wafers * in.wafer_price * (1 - b.row("way.foundry.wafer_cash_share", "1")));
  const Expr unit3 = b.name("way.foundry.unit", "own wafers at cash cost", "USD", unit2 - saved);
  const Expr months3 = b.name("way.foundry.months", "to volume: the fab is built first", "months",
                              b.row("fab.build_time", "years") * kMonthsYear +
                                  b.row("schedule.tapeout_to_first_silicon", "months") +
                                  b.row("schedule.first_silicon_to_volume", "months"));
  b.costing.ways.push_back({"foundry", "own foundry", nre3.id, unit3.id,
                            per_chip(b, "foundry", nre3, unit3, in.units).id, months3.id,
                            break_even(b, "foundry", "cheaper than in-house from", more3, saved)});
  const Expr fill = b.name("way.foundry.fill", "of the fab, all units made in four years", "1",
                           in.units * in.wafers / (capacity * 1000 * 4 * kMonthsYear));
  b.costing.sections.push_back(
      {.title = "Own foundry", .lines = {fab.id, more3.id, saved.id, fill.id}});
}

}  // namespace

Programme programme(Builder& b, const Bill& bill) {
  const auto& cost = b.chip.cost;
  if (!bill.cogs || !cost || !cost->partner_margin || !cost->units) {
    return {};
  }
  const Parts parts = parts_of(b, process_of(b, b.chip.dies.front()).node);
  const Expr bottom_up =
      b.name("nre", "the programme by its parts", "USD million", owned(parts) + carried(parts));
  Section section{.title = "Programme", .lines = {}};
  for (const Expr& part :
       {parts.frontend, parts.verification, parts.software, parts.bring_up, parts.backend, parts.ip,
        parts.eda, parts.masks, parts.package, parts.respin, bottom_up, parts.months}) {
    section.lines.push_back(part.id);
  }
  const Expr units = b.given("cost.units", *cost->units, 1, "chips");
  const Expr margin = b.given("cost.partner_margin", *cost->partner_margin, 1, "1");
  Expr described = bottom_up * kMillion;
  if (cost->nre) {
    described = b.given("cost.nre", *cost->nre, 1, "USD");
    section.lines.push_back(described.id);
  }
  if (cost->respin && cost->respin_probability) {
    described = described + b.given("cost.respin_probability", *cost->respin_probability, 1, "1") *
                                b.given("cost.respin", *cost->respin, 1, "USD");
  }
  const Expr expected = b.name("programme", "all that is paid before volume, expected respin in it",
                               "USD", described + 0);
  const Expr share = b.name("price.programme", "share of the programme", "USD", expected / units);
  const Expr unit = b.name("price.unit", "price from a partner without the programme", "USD",
                           *bill.cogs / (1 - margin));
  const Expr price = b.name("price", "price from a partner, programme in it", "USD", unit + share);
  section.lines.insert(section.lines.end(), {expected.id, unit.id, share.id, price.id});
  b.costing.sections.push_back(std::move(section));
  b.costing.price = price.id;
  three_ways(b, parts, {units, *bill.cogs, *bill.dies, *bill.wafers, *bill.wafer_price, margin});
  b.costing.programme = expected.id;
  return {price, unit, share};
}

}  // namespace churon::cost
