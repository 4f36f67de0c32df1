#include "report/silicon_explanation.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "chip/budget.h"
#include "chip/values.h"

namespace churon::report {

namespace {

using silicon::Band;

constexpr double kMm2 = 1e6;

std::string band_text(const Band& band, double scale, std::string_view unit) {
  std::string text = fmt::format("{} {}", number(band.central * scale), unit);
  if (band.low != band.high) {
    text += fmt::format("  [P5 {}, P95 {}]", number(band.low * scale), number(band.high * scale));
  }
  return text;
}

std::string source_text(const chip::Chip& chip, const std::string& id) {
  const auto known = chip.sources.find(id);
  return known == chip.sources.end() ? id : known->second;
}

std::string_view unquoted(std::string_view text) {
  const bool is_quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return is_quoted ? text.substr(1, text.size() - 2) : text;
}

class Explanation {
 public:
  explicit Explanation(const SiliconRecord& record) : record_(record), area_(record.area) {}

  // Empty: there is no such number.
  std::string of(std::string_view key) {
    constexpr std::string_view kArea = "area", kPower = "power.";
    if (key == kArea) {
      dies();
    } else if (key == "area.net") {
      net("");
    } else if (key == "area.spares") {
      spares("");
    } else if (key.starts_with("area.")) {
      block(key.substr(kArea.size() + 1), "");
    } else if (key.starts_with(kPower)) {
      power(key.substr(kPower.size()));
    }
    return std::move(text_);
  }

 private:
  void line(const std::string& indent, const std::string& content) {
    text_ += indent + content + "\n";
  }

  // A value of the description, as it stands there.
  void value(const std::string& indent, std::string_view path) {
    const chip::Chip& chip = record_.chip;
    const chip::Value* const found = chip::find_value(chip, path);
    if (found == nullptr) {
      line(indent, std::string(path));
      return;
    }
    std::string text = fmt::format("{} = {}", path, unquoted(found->text));
    if (!found->low.empty() || !found->high.empty()) {
      text += fmt::format("  (P5 {}, P95 {})", unquoted(found->low), unquoted(found->high));
    }
    line(indent, text);
    line(indent + "    ",
         fmt::format("basis {}; {}", chip::name(found->basis), escape_control(found->where)));
    if (!found->source.empty()) {
      line(indent + "    ",
           fmt::format("source: {}", escape_control(source_text(chip, found->source))));
    }
  }

  void dies() {
    line("", fmt::format("area = {}  of all dies", band_text(area_.gross, kMm2, "mm2")));
    line("", "  = area.net / tech.utilisation * (1 + tech.area_contingency)");
    net("  ");
    value("  ", "tech.utilisation");
    value("  ", "tech.area_contingency");
  }

  void net(const std::string& indent) {
    line(indent, fmt::format("area.net = {}  of all blocks", band_text(area_.net, kMm2, "mm2")));
    std::string sum = "  = ";
    for (const silicon::BlockArea& one : area_.blocks) {
      sum += fmt::format("area.{} + ", one.id);
    }
    line(indent, sum + "area.spares");
    for (const silicon::BlockArea& one : area_.blocks) {
      block(one.id, indent + "  ");
    }
    spares(indent + "  ");
  }

  void spares(const std::string& indent) {
    line(indent,
         fmt::format("area.spares = {}  spare cores", band_text(area_.spares, kMm2, "mm2")));
    line(indent, fmt::format("  = {} spare cores / {} cores * what cores hold (matrix, scratch, "
                             "vector, dma, sequencer, noc)",
                             area_.spare_cores, area_.cores));
  }

  void block(std::string_view id, const std::string& indent) {
    const auto blocks = chip::area_blocks(record_.chip);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (blocks[i].id != id) {
        continue;
      }
      const silicon::BlockArea& made = area_.blocks[i];
      const std::string& path = blocks[i].paths.front();
      const bool is_density = blocks[i].scaling == chip::Scaling::sram;
      std::string formula = fmt::format("  = {} {} {}", made.counted, is_density ? "/" : "*", path);
      if (area_.move.moves()) {
        formula += fmt::format(" * {}", factor_text(blocks[i].scaling));
      }
      line(indent,
           fmt::format("area.{} = {}  {}", id, band_text(made.net, kMm2, "mm2"), made.name));
      line(indent, formula);
      value(indent + "  ", path);
    }
  }

  [[nodiscard]] std::string factor_text(chip::Scaling scaling) const {
    switch (scaling) {
      case chip::Scaling::logic:
        return fmt::format("{} (logic density, {} to {}; data/technology.csv)",
                           band_text(area_.move.logic_area, 1, ""), area_.move.from, area_.move.to);
      case chip::Scaling::sram:
        return fmt::format("{} (bit cell, {} to {}; data/technology.csv)",
                           band_text(area_.move.sram_area, 1, ""), area_.move.from, area_.move.to);
      case chip::Scaling::fixed:
        return "1 (bumps and swings set its size)";
    }
    return "";
  }

  void power(std::string_view key) {
    for (const silicon::PowerEstimate& one : record_.power) {
      const std::string name = fmt::format("{}.{}", one.state, one.phase);
      if (key == name) {
        whole(one, name);
      } else if (key.starts_with(name + ".")) {
        for (const silicon::PowerRow& row : one.rows) {
          if (row.id == key.substr(name.size() + 1)) {
            consumer(one, row, name, "");
          }
        }
      }
    }
  }

  void whole(const silicon::PowerEstimate& one, const std::string& name) {
    line("", fmt::format("power.{} = {}", name, band_text(one.total, 1, "W")));
    std::string sum;
    for (const silicon::PowerRow& row : one.rows) {
      sum += fmt::format("{}power.{}.{}", sum.empty() ? "  = " : " + ", name, row.id);
    }
    line("", sum);
    line("", fmt::format("  junction {:.0f} degC, at which leakage and power agree; speed {} of "
                         "the nominal state",
                         one.junction.value(), percent(one.speed)));
    for (const silicon::PowerRow& row : one.rows) {
      consumer(one, row, name, "  ");
    }
  }

  void consumer(const silicon::PowerEstimate& one, const silicon::PowerRow& row,
                const std::string& name, const std::string& indent) {
    line(indent,
         fmt::format("power.{}.{} = {}  {}", name, row.id, band_text(row.power, 1, "W"), row.name));
    if (row.id == "margin") {
      line(indent, fmt::format("  = {:.0f} % of the sum of the others: regulators, what no term "
                               "names",
                               (silicon::kPowerMargin - 1) * 100));
      return;
    }
    const auto phases = chip::phases();
    const auto phase = std::find_if(phases.begin(), phases.end(), [&](const chip::Phase& known) {
      return known.name == one.phase;
    });
    for (const chip::PowerTerm& term : chip::power_terms(record_.chip, *phase)) {
      if (term.id == row.id) {
        term_lines(term, indent);
      }
    }
  }

  void term_lines(const chip::PowerTerm& term, const std::string& indent) {
    switch (term.domain) {
      case chip::PowerDomain::core:
        line(indent,
             fmt::format("  = {} a second * J each * speed * (V / V0)^2", compact(term.rate)));
        break;
      case chip::PowerDomain::interface:
        line(indent, fmt::format("  = {} a second * J each * speed", compact(term.rate)));
        break;
      case chip::PowerDomain::leakage:
        line(indent,
             "  = area of the dies * W/m2 * (V / V0)^2 * 2^((junction - T0) / 25 K, 20 to 35)");
        break;
      case chip::PowerDomain::base:
        line(indent, "  = W");
        break;
    }
    for (const chip::Sourced<double>& part : term.parts) {
      std::string text = fmt::format("{:.4g}", part.value);
      if (part.low && part.high) {
        text += fmt::format("  (P5 {:.4g}, P95 {:.4g})", *part.low, *part.high);
      }
      line(indent + "    ", fmt::format("{}; basis {}; source: {}", text, chip::name(part.basis),
                                        escape_control(source_text(record_.chip, part.source))));
    }
  }

  const SiliconRecord& record_;
  const silicon::AreaBudget& area_;
  std::string text_;
};

// "area", "area.net", "area.spares", "area.matrix"; "power.nominal.decode",
// "power.nominal.decode.memory".
std::vector<std::string> silicon_keys(const SiliconRecord& record) {
  std::vector<std::string> keys{"area", "area.net", "area.spares"};
  for (const silicon::BlockArea& block : record.area.blocks) {
    keys.push_back("area." + block.id);
  }
  for (const silicon::PowerEstimate& one : record.power) {
    keys.push_back(fmt::format("power.{}.{}", one.state, one.phase));
    for (const silicon::PowerRow& row : one.rows) {
      keys.push_back(fmt::format("power.{}.{}.{}", one.state, one.phase, row.id));
    }
  }
  return keys;
}

}  // namespace

Result<std::string> silicon_explanation(const SiliconRecord& record, std::string_view key) {
  std::string text = Explanation(record).of(key);
  if (!text.empty()) {
    return text;
  }
  const std::vector<std::string> keys = silicon_keys(record);
  const auto near = did_you_mean(key, keys);
  return fail({.code = "A0403",
               .message = fmt::format("there is no number `{}`", escape_control(key)),
               .help = {near ? fmt::format("did you mean `{}`?", *near)
                             : "area, area.BLOCK, power.STATE.PHASE, power.STATE.PHASE.CONSUMER"},
               .exit = ExitCode::usage});
}

}  // namespace churon::report
