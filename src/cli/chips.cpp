// `churon chips`: what can be named with --chip.
#include <fmt/format.h>

#include "base/json.h"
#include "base/unit.h"
#include "chip/chip.h"
#include "cli/verb.h"
#include "report/format.h"

namespace churon::cli {

namespace {

using report::Align;

template <Dimension D>
std::string cell(std::optional<Quantity<D>> value, QuantityKind kind) {
  return value && value->value() > 0 ? rounded_text(value->value(), kind, 3) : "-";
}

// A chip of our own is a design; a bought one is as well known as its data row says.
std::string confidence(const chip::Chip& chip) {
  return chip.kind == chip::Kind::full ? "design" : chip.confidence.empty() ? "-" : chip.confidence;
}

struct Figures {
  OperationsPerSecond peak;
  BytesPerSecond bandwidth;
  Bytes capacity;
  BytesPerSecond link;
  std::optional<Watts> tdp;
};

Figures figures(const chip::Chip& chip) {
  return {.peak = chip::peak_operations(chip, numeric::BlockFormat::q8_0),
          .bandwidth = chip::memory_bandwidth(chip),
          .capacity = chip::memory_capacity(chip),
          .link = chip::link_bandwidth_per_direction(chip),
          .tdp = chip::tdp(chip)};
}

std::string table(const std::vector<chip::Chip>& chips) {
  report::Table table({Align::left, Align::left, Align::left, Align::right, Align::right,
                       Align::right, Align::right, Align::right, Align::right, Align::left});
  table.row({"chip", "kind", "maker", "year", "8-bit peak", "bandwidth", "memory", "link", "TDP",
             "confidence"});
  for (const chip::Chip& chip : chips) {
    const Figures is = figures(chip);
    table.row({chip.id, chip.kind == chip::Kind::full ? "own" : "bought",
               chip.vendor.empty() ? "-" : chip.vendor, std::to_string(chip.year),
               cell(std::optional(is.peak), QuantityKind::operations),
               cell(std::optional(is.bandwidth), QuantityKind::bandwidth),
               cell(std::optional(is.capacity), QuantityKind::size),
               cell(std::optional(is.link), QuantityKind::bandwidth),
               cell(is.tdp, QuantityKind::power), confidence(chip)});
  }
  return table.text();
}

Json document(const std::vector<chip::Chip>& chips) {
  Json json = json_document("chips");
  Json list = Json::array();
  for (const chip::Chip& chip : chips) {
    const Figures is = figures(chip);
    list.push_back({{"id", chip.id},
                    {"name", chip.name},
                    {"aliases", chip.aliases},
                    {"kind", chip::name(chip.kind)},
                    {"vendor", chip.vendor},
                    {"year", chip.year},
                    {"summary", chip.summary},
                    {"peak_8bit_ops_s", is.peak.value()},
                    {"memory_bandwidth_bytes_s", is.bandwidth.value()},
                    {"memory_capacity_bytes", is.capacity.value()},
                    {"link_bandwidth_bytes_s", is.link.value()},
                    {"tdp_w", is.tdp ? Json(is.tdp->value()) : Json(nullptr)},
                    {"confidence", confidence(chip)},
                    {"digest", chip.digest}});
  }
  json["chips"] = std::move(list);
  return json;
}

ExitCode list_chips(const Terminal& terminal) {
  std::vector<chip::Chip> chips;
  ExitCode exit = ExitCode::ok;
  for (const chip::Listed& listed : chip::listed()) {
    auto chip = chip::load(listed.path);
    if (chip) {
      chips.push_back(std::move(*chip));
    } else {
      exit = terminal.report(chip.error());
    }
  }
  if (terminal.json) {
    terminal.out(dump_json(document(chips)) + "\n");
  } else {
    terminal.out(table(chips));
    if (!terminal.quiet) {
      terminal.out(
          "\n8-bit peak: dense. Link: scale-up, per direction. `churon check CHIP` shows what a "
          "description amounts to.\n");
    }
  }
  return exit;
}

}  // namespace

Action configure_chips(CLI::App&) { return list_chips; }

}  // namespace churon::cli
