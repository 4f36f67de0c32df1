#include "report/compare_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/text.h"
#include "evaluate/estimate_command.h"
#include "report/definitions.h"
#include "report/dollars_report.h"
#include "report/estimate_report.h"

namespace churon::report {

namespace {

using evaluate::ComparedCell;
using evaluate::ComparedRow;
using evaluate::Comparison;
using evaluate::Contestant;

std::string kv_name(double bits) { return fmt::format("kv{:g}", bits); }

// Weights and cache; the framework's profile where each chip has its own.
std::string formats_text(const Comparison& comparison, const ComparedRow& row) {
  const bool is_own = contestant(comparison.request, row).chip->kind == chip::Kind::full;
  return fmt::format("{} {}{}", row.formats.weights->name, kv_name(row.formats.kv_bits),
                     comparison.request.framework || is_own
                         ? ""
                         : fmt::format(" {}", estimate::name(row.framework)));
}

// "12.3k" for 12,595 positions.
std::string positions(double value) {
  return value < 1024 ? fmt::format("{:.0f}", value) : fmt::format("{:.0f}k", value / 1024);
}

std::string interval(double low, double high) {
  return fmt::format("{}..{}", number(low), number(high));
}

std::string configuration(const evaluate::Configuration& best) {
  std::string text = estimate::to_text(best.parallelism);
  if (best.prefill_chips > 0) {
    text += fmt::format(" + {} prefill", number(best.prefill_chips));
  }
  return text;
}

// Of one copy: "16 in 2 domains".
std::string chips_text(const ComparedRow& row) {
  const std::string chips = fmt::format("{:.0f}", row.best->chips);
  return row.domains > 1 ? fmt::format("{} in {:.0f} domains", chips, row.domains) : chips;
}

std::string limits(const evaluate::CompareRequest& request, Charset charset) {
  const std::string_view at_most = charset == Charset::unicode ? "≤" : "<=";
  return fmt::format("TPOT {} {}, TTFT {} {}", at_most,
                     text(Seconds{request.tpot_limit_s}, charset), at_most,
                     text(Seconds{request.ttft_limit_s}, charset));
}

void append_cell(std::string& out, const CompareRecord& record, std::size_t index, Charset charset,
                 std::size_t width) {
  const Comparison& comparison = record.comparison;
  const ComparedCell& cell = comparison.cells[index];
  out += fmt::format(
      "{}, {} (input/output tokens): {}\n", escape_control(model_of(comparison.request, cell).name),
      workload_of(comparison.request, cell).text, limits(comparison.request, charset));
  out += folded("  " + verdict(comparison, cell), "  ", width) + "\n";
  Table speeds({Align::left, Align::right, Align::right, Align::right, Align::right, Align::right,
                Align::right, Align::right, Align::left, Align::left});
  speeds.row({"chip", "tok/s/chip", "P10..P90", "/domain", "/MW", "J/tok", "TPOT", "TTFT", "limit",
              "numbers"});
  std::vector<Align> columns{Align::left,  Align::right, Align::left,
                             Align::right, Align::right, Align::left};
  std::vector<std::string> head{"at its best", "chips",   "parallelism",
                                "requests",    "context", "formats"};
  if (comparison.request.disaggregated) {
    columns.push_back(Align::left);
    head.emplace_back("cache sent over");
  }
  Table configurations(columns);
  configurations.row(head);
  bool any = false;
  bool crosses = false;
  for (const ComparedRow& row : cell.rows) {
    if (!row.best) {
      continue;
    }
    any = true;
    const auto& best = *row.best;
    const double rate = best.throughput_per_chip;
    speeds.row({row_name(comparison, row), number(rate),
                row.band.is_known() ? interval(rate * row.band.p10, rate * row.band.p90) : "-",
                fmt::format("{} of {:.0f}", compact(row.throughput_per_domain), row.domain_chips),
                row.throughput_per_mw > 0 ? compact(row.throughput_per_mw) : "-",
                row.energy_per_token_j > 0 ? number(row.energy_per_token_j) : "-",
                text(Seconds{best.served.tpot_s}, charset),
                text(Seconds{best.served.ttft_s}, charset),
                fmt::format("{} {}", estimate::name(row.limit), percent(row.limit_share)),
                std::string(evaluate::name(row.support.basis))});
    std::vector<std::string> cells{row_name(comparison, row),
                                   chips_text(row),
                                   configuration(best),
                                   fmt::format("{:.0f}", best.concurrency),
                                   positions(best.usable_context),
                                   formats_text(comparison, row)};
    if (comparison.request.disaggregated) {
      cells.push_back(transfer_text(best.served.transfer, charset));
    }
    configurations.row(cells);
    crosses = crosses || row.domains > 1;
  }
  if (any) {
    out += speeds.text("  ") + configurations.text("  ");
    out += fmt::format("  why: {} --explain\n", escape_control(evaluate::estimate_command(
                                                    comparison.request, cell, cell.rows.front())));
  }
  if (crosses) {
    out += fmt::format(
        "  A copy over several domains sends over scale-out adapters: modelled, but measured "
        "nowhere.{}\n",
        comparison.request.domains_max > 0
            ? ""
            : " It has as few as hold the weights; --domains-max 4 gives all chips as many.");
  }
  out += dollars_table(comparison, record.dollars, index, width);
  for (const ComparedRow& row : cell.rows) {
    if (row.infeasible) {
      out += fmt::format(
          "  {}: {}{}\n", row_name(comparison, row), escape_control(row.infeasible->reason),
          row.infeasible->remedy.empty() ? "" : "; " + escape_control(row.infeasible->remedy));
    }
  }
}

// Which tables have rows of these chips and models.
std::string support_text(const Comparison& comparison) {
  std::set<std::string> lines;
  for (const ComparedCell& cell : comparison.cells) {
    for (const ComparedRow& row : cell.rows) {
      if (row.support.files.empty()) {
        continue;
      }
      std::string files;
      for (const evaluate::SupportingFile& file : row.support.files) {
        files += fmt::format("{}{} ({})", files.empty() ? "" : ", ", file.file, file.rows);
      }
      lines.insert(fmt::format("  {}, {}: {}\n", contestant(comparison.request, row).chip->name,
                               escape_control(model_of(comparison.request, cell).name), files));
    }
  }
  std::string text;
  for (const std::string& line : lines) {
    text += line;
  }
  return text.empty() ? ""
                      : "Measured rows (files of data/measured) behind these numbers:\n" + text;
}

Json parallelism_json(const estimate::Parallelism& parallelism) {
  return {{"tp", parallelism.tp},
          {"pp", parallelism.pp},
          {"ep", parallelism.ep},
          {"attention_dp", parallelism.attention_dp}};
}

Json band_json(double value, const evaluate::ErrorBand& band) {
  if (!band.is_known()) {
    return nullptr;
  }
  return {{"p10", value * band.p10},
          {"p90", value * band.p90},
          {"groups", band.groups},
          {"rows", band.rows},
          {"source", band.source}};
}

Json positive_or_null(double value) { return value > 0 ? Json(value) : Json(nullptr); }

Json best_json(const ComparedRow& row) {
  const auto& best = *row.best;
  Json json;
  json["output_tokens_per_s_per_chip"] = best.throughput_per_chip;
  json["output_tokens_per_s_per_chip_band"] = band_json(best.throughput_per_chip, row.band);
  json["output_tokens_per_s_per_domain"] = row.throughput_per_domain;
  json["output_tokens_per_s_per_mw"] = positive_or_null(row.throughput_per_mw);
  json["energy_per_token_j"] = positive_or_null(row.energy_per_token_j);
  json["energy_per_token_j_band"] = band_json(row.energy_per_token_j, row.energy_band);
  json["tpot_s"] = best.served.tpot_s;
  json["tpot_bound_s"] = best.served.tpot_bound_s;
  json["ttft_s"] = best.served.ttft_s;
  json["limit"] = estimate::name(row.limit);
  json["limit_share"] = row.limit_share;
  json["chip_count"] = best.chips;
  json["parallelism"] = estimate::to_text(best.parallelism);
  json["parallelism_degrees"] = parallelism_json(best.parallelism);
  json["concurrency"] = best.concurrency;
  json["prefill_chip_count"] = best.prefill_chips;
  json["domain_count"] = row.domains;
  json["kv_transfer"] = kv_transfer_json(best.served);
  json["narrow_domain_chip_count"] = positive_or_null(row.narrow_chips);
  json["narrow_output_tokens_per_s_per_chip"] = positive_or_null(row.narrow_throughput_per_chip);
  json["usable_context_tokens"] = best.usable_context;
  json["weights_per_chip_bytes"] = best.space.weights_bytes;
  json["usable_per_chip_bytes"] = best.space.usable_bytes;
  json["kv_per_token_and_chip_bytes"] = best.space.kv_bytes_per_token;
  json["power_w"] = positive_or_null(best.served.power_w);
  return json;
}

Json row_json(const Comparison& comparison, const ComparedCell& cell, const ComparedRow& row,
              bool fronts) {
  const Contestant& who = contestant(comparison.request, row);
  const evaluate::ProvisionedPower power = evaluate::provisioned_power(*who.chip);
  Json json;
  json["chip"] = who.chip->id;
  json["chip_name"] = who.chip->name;
  json["chip_digest"] = who.chip->digest;
  json["own"] = who.chip->kind == chip::Kind::full;
  json["derate"] = who.derate.empty() ? Json(nullptr) : Json(who.derate);
  json["formats"] = evaluate::name(row.policy);
  json["framework"] =
      who.chip->kind == chip::Kind::full ? Json(nullptr) : Json(estimate::name(row.framework));
  json["weights"] = row.formats.weights->name;
  json["weight_bits"] = row.formats.weights->weight_bits;
  json["kv_bits"] = row.formats.kv_bits;
  json["feasible"] = row.best.has_value();
  json["basis"] = evaluate::name(row.support.basis);
  Json files = Json::array();
  for (const evaluate::SupportingFile& file : row.support.files) {
    files.push_back({{"file", file.file}, {"rows", file.rows}});
  }
  json["measured_rows"] = std::move(files);
  json["chip_rows"] = row.support.chip_rows;
  json["domain_chip_count"] = row.domain_chips;
  json["provisioned_w_per_chip"] = positive_or_null(power.watts);
  json["provisioned_basis"] = power.basis;
  if (row.best) {
    json.update(best_json(row));
    json["estimate_command"] = evaluate::estimate_command(comparison.request, cell, row);
  }
  if (row.infeasible) {
    json["error"] = {{"code", row.infeasible->code},
                     {"reason", row.infeasible->reason},
                     {"remedy", row.infeasible->remedy}};
  }
  if (fronts) {
    Json front = Json::array();
    for (const evaluate::FrontPoint& point : row.front) {
      front.push_back({{"tokens_per_s_per_user", point.interactivity},
                       {"output_tokens_per_s_per_chip", point.throughput_per_chip},
                       {"concurrency", point.concurrency},
                       {"parallelism", estimate::to_text(point.parallelism)}});
    }
    json["front"] = std::move(front);
  }
  return json;
}

// What is left of an own chip's lead on a mixture where it has no larger domain than others.
std::string narrow_text(const Comparison& comparison, const std::vector<const ComparedRow*>& own) {
  std::string text;
  for (const ComparedRow* row : own) {
    if (row->narrow_chips > 0) {
      text +=
          fmt::format("{}{} {} ({:.2f} of it)",
                      text.empty() ? fmt::format(" With experts over {:.0f} chips, the smallest "
                                                 "domain here, it makes a chip: ",
                                                 row->narrow_chips)
                                   : ", ",
                      row_name(comparison, *row), number(row->narrow_throughput_per_chip),
                      row->narrow_throughput_per_chip / row->best->throughput_per_chip);
    }
  }
  return text.empty() ? "" : text + ".";
}

}  // namespace

std::string row_name(const Comparison& comparison, const ComparedRow& row) {
  return contestant_name(contestant(comparison.request, row)) +
         (row.policy == evaluate::FormatPolicy::native ? " native" : "");
}

std::string conditions(const evaluate::CompareRequest& request) {
  std::string text = fmt::format(
      "{}, {}", request.disaggregated ? "disaggregated" : "aggregated",
      request.framework ? fmt::format("framework profile {}", estimate::name(*request.framework))
                        : "of each bought chip the framework profile that serves it best");
  if (request.prefix_hit > 0) {
    text += fmt::format(", {} of the prompts in the prefix cache", percent(request.prefix_hit));
  }
  return text;
}

std::string cell_title(const Comparison& comparison, const ComparedCell& cell) {
  return fmt::format("{}, {}", model_of(comparison.request, cell).name,
                     workload_of(comparison.request, cell).text);
}

std::string contestant_name(const Contestant& contestant) {
  return contestant.derate.empty() ? contestant.chip->id
                                   : contestant.chip->id + " " + contestant.derate;
}

// Chips that can be bought are ranked; an own chip is placed among them at each of its derate sets,
// never by one of them.
std::string verdict(const Comparison& comparison, const ComparedCell& cell) {
  const auto is_own = [&](const ComparedRow& row) {
    return contestant(comparison.request, row).chip->kind == chip::Kind::full;
  };
  const auto rate = [](const ComparedRow& row) { return row.best->throughput_per_chip; };
  std::vector<const ComparedRow*> bought;
  std::vector<const ComparedRow*> own;
  for (const ComparedRow& row : cell.rows) {
    if (row.best) {
      (is_own(row) ? own : bought).push_back(&row);
    }
  }
  if (bought.empty() && own.empty()) {
    return "No chip keeps both limits.";
  }
  std::string text;
  if (!bought.empty()) {
    const ComparedRow& first = *bought.front();
    text = fmt::format("{} makes the most of the chips one can buy: {} output tokens/s a chip",
                       row_name(comparison, first), number(rate(first)));
    const auto next = std::find_if(bought.begin(), bought.end(), [&](const ComparedRow* row) {
      return contestant(comparison.request, *row).chip !=
             contestant(comparison.request, first).chip;
    });
    if (next != bought.end()) {
      text +=
          fmt::format(", {:.2f} x {}", rate(first) / rate(**next), row_name(comparison, **next));
      if (first.band.is_known() && (*next)->band.is_known()) {
        text += rate(first) * first.band.p10 > rate(**next) * (*next)->band.p90
                    ? " (bands apart)"
                    : " (bands overlap: the order is not certain)";
      }
    }
    text += ".";
  }
  // Each own chip once, over its sets in the first format.
  for (std::size_t i = 0; i < own.size(); ++i) {
    const chip::Chip* chip = contestant(comparison.request, *own[i]).chip;
    const auto same = [&](const ComparedRow* row) {
      return contestant(comparison.request, *row).chip == chip && row->policy == own[i]->policy;
    };
    if (std::any_of(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const ComparedRow* row) {
                      return contestant(comparison.request, *row).chip == chip;
                    })) {
      continue;
    }
    std::string sets;
    for (const ComparedRow* row : own) {
      if (same(row)) {
        sets += fmt::format("{}{} at {}", sets.empty() ? "" : ", ",
                            bought.empty()
                                ? number(rate(*row))
                                : fmt::format("{:.2f} x", rate(*row) / rate(*bought.front())),
                            contestant(comparison.request, *row).derate);
      }
    }
    text += fmt::format("{}{}{}: {}.", text.empty() ? "" : " ", chip->id,
                        own[i]->policy == evaluate::FormatPolicy::native ? " native" : "", sets);
  }
  return text + narrow_text(comparison, own);
}

std::string compare_text(const CompareRecord& record, Charset charset, std::size_t width) {
  const Comparison& comparison = record.comparison;
  std::string out;
  out += folded_lines(dollars_verdict(comparison, record.dollars), "  ", width) + "\n";
  for (std::size_t i = 0; i < comparison.cells.size(); ++i) {
    append_cell(out, record, i, charset, width);
    out += "\n";
  }
  const std::string rests_on =
      fmt::format("Conditions: {}; analytic model.\n", conditions(comparison.request)) +
      dollars_conditions(comparison, record.dollars) + support_text(comparison);
  out += folded_lines(rests_on, "    ", width);
  if (!record.skipped.empty()) {
    out += "Left out:\n";
    for (const SkippedChip& skipped : record.skipped) {
      out +=
          fmt::format("  {}: {}\n", escape_control(skipped.chip), escape_control(skipped.reason));
    }
  }
  out += "Columns:\n";
  Table table({Align::left, Align::left});
  table.row({"/domain", "tokens/s of all chips that scale-up links join, and how many these are"});
  table.row({"/MW", "of provisioned power: as the chip states it, else TDP x 2.05"});
  table.row({"requests", "concurrent requests of one copy of the model"});
  table.row({"context", "positions a request may reach while as many run"});
  table.row({"USD/Mtok",
             "of input and output tokens alike, central and P10..P90 of joint draws; own chips:"});
  table.row({"", "purchase from a partner, a share of the programme in it"});
  table.row(
      {"input, output", "at the lower of purchase and rent, by their shares of the busy time"});
  table.row(
      {"advantage", "price of the cheapest one can get over the own chip's: above 1 it wins;"});
  table.row({"", "= silicon x margin (the merchant's) x software"});
  table.row({"numbers", "design: own description. datasheet: no row of this chip was measured."});
  table.row({"", "calibrated: rows of this chip are in the calibration. measured: rows of this"});
  table.row({"", "chip with this model are. The number itself is always the model's."});
  out += table.text("  ");
  out += "Definitions:\n" + definitions_text();
  return out;
}

Json compare_json(const CompareRecord& record) {
  const Comparison& comparison = record.comparison;
  const evaluate::CompareRequest& request = comparison.request;
  Json json = json_document("compare");
  json["fidelity"] = "analytic";
  json["seed"] = nullptr;
  json["tpot_limit_s"] = request.tpot_limit_s;
  json["ttft_limit_s"] = request.ttft_limit_s;
  json["framework"] = request.framework ? estimate::name(*request.framework) : "best";
  json["disaggregated"] = request.disaggregated;
  json["prefix_hit_share"] = request.prefix_hit;
  json["configuration_count"] = comparison.configurations;
  Json cells = Json::array();
  for (std::size_t i = 0; i < comparison.cells.size(); ++i) {
    const ComparedCell& cell = comparison.cells[i];
    const evaluate::Workload& load = workload_of(comparison.request, cell);
    Json rows = Json::array();
    for (std::size_t j = 0; j < cell.rows.size(); ++j) {
      Json row = row_json(comparison, cell, cell.rows[j], request.fronts);
      row.update(dollars_row_json(record.dollars, cell, request, i, j));
      rows.push_back(std::move(row));
    }
    cells.push_back({{"model", model_of(comparison.request, cell).name},
                     {"workload", load.text},
                     {"input_tokens", load.input_tokens},
                     {"output_tokens", load.output_tokens},
                     {"verdict", verdict(comparison, cell)},
                     {"rows", std::move(rows)}});
  }
  json["comparisons"] = std::move(cells);
  json["verdict"] = dollars_verdict(comparison, record.dollars);
  json["dollars"] = dollars_json(record.dollars);
  Json skipped = Json::array();
  for (const SkippedChip& chip : record.skipped) {
    skipped.push_back({{"chip", chip.chip}, {"reason", chip.reason}});
  }
  json["skipped"] = std::move(skipped);
  json["definitions"] = definitions_json();
  return json;
}

}  // namespace churon::report
