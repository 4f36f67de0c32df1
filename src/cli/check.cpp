// `churon check`: a chip description against closed formulas, or all its values and where each
// comes from.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/json.h"
#include "chip/chip.h"
#include "chip/lint.h"
#include "cli/verb.h"
#include "report/format.h"

namespace churon::cli {

namespace {

using report::Align;

struct Words {
  std::string chip;
  std::vector<std::string> overrides;
  bool resolved = false;
};

std::string_view name(chip::OriginKind origin) {
  switch (origin) {
    case chip::OriginKind::file:
      return "file";
    case chip::OriginKind::inherited:
      return "inherited";
    case chip::OriginKind::command_line:
      return "command line";
    case chip::OriginKind::standard:
      return "default";
  }
  return "";
}

Json header(std::string_view schema, const chip::Chip& chip) {
  Json json = json_document(schema);
  json["chip"] = {{"id", chip.id},
                  {"name", chip.name},
                  {"kind", chip::name(chip.kind)},
                  {"digest", chip.digest}};
  return json;
}

// --- --resolved ---------------------------------------------------------------------------------

// "2.5 us" of "\"2.5 us\"": in a table the quotes of TOML say nothing.
std::string unquoted(std::string text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"' &&
      text.find('"', 1) == text.size() - 1) {
    return text.substr(1, text.size() - 2);
  }
  return text;
}

std::string bounds(const chip::Value& value) {
  if (value.low.empty() && value.high.empty()) {
    return "";
  }
  const auto side = [](const std::string& text) { return text.empty() ? "…" : unquoted(text); };
  return fmt::format("{} to {}", side(value.low), side(value.high));
}

std::string where(const chip::Value& value) {
  switch (value.origin) {
    case chip::OriginKind::file:
    case chip::OriginKind::command_line:
      return value.where;
    case chip::OriginKind::inherited:
      return "inherited, " + value.where;
    case chip::OriginKind::standard:
      return "default";
  }
  return "";
}

std::string resolved_text(const chip::Chip& chip) {
  report::Table table({Align::left, Align::left, Align::left, Align::left, Align::left});
  table.row({"value", "is", "bounds", "rests on", "from"});
  for (const chip::Value& value : chip.values) {
    const std::string rests = value.basis == chip::Basis::none
                                  ? ""
                                  : fmt::format("{}: {}", chip::name(value.basis), value.source);
    table.row({value.path, unquoted(value.text), bounds(value), rests, where(value)});
  }
  std::string text = table.text();
  if (!chip.sources.empty()) {
    text += "\nsources\n";
    report::Table sources({Align::left, Align::left});
    for (const auto& [id, source] : chip.sources) {
      sources.row({id, source});
    }
    text += sources.text("  ");
  }
  return text + fmt::format("\ndigest {}\n", chip.digest);
}

Json resolved_json(const chip::Chip& chip) {
  Json json = header("check.resolved", chip);
  Json values = Json::array();
  for (const chip::Value& value : chip.values) {
    Json entry{{"path", value.path}, {"value", unquoted(value.text)}};
    if (!value.low.empty()) {
      entry["low"] = unquoted(value.low);
    }
    if (!value.high.empty()) {
      entry["high"] = unquoted(value.high);
    }
    if (value.basis != chip::Basis::none) {
      entry["basis"] = chip::name(value.basis);
      entry["source"] = value.source;
    }
    entry["origin"] = name(value.origin);
    entry["where"] = value.where;
    values.push_back(std::move(entry));
  }
  json["values"] = std::move(values);
  json["sources"] = chip.sources;
  return json;
}

// --- lints --------------------------------------------------------------------------------------

std::string lint_text(const chip::Chip& chip, const std::vector<chip::Lint>& lints) {
  std::string text = fmt::format("{}: {}\n\n", chip.name,
                                 chip.summary.empty() ? chip::name(chip.kind) : chip.summary);
  report::Table table({Align::left, Align::right, Align::right, Align::left, Align::left});
  table.row({"quantity", "stated", "computed", "verdict", "formula"});
  for (const chip::Lint& lint : lints) {
    table.row({lint.quantity, lint.stated, lint.computed,
               lint.verdict == chip::Verdict::info ? "" : std::string(chip::name(lint.verdict)),
               lint.formula});
  }
  text += table.text();
  const auto warnings = std::count_if(lints.begin(), lints.end(), [](const chip::Lint& lint) {
    return lint.verdict == chip::Verdict::warning;
  });
  if (warnings == 0) {
    return text + "\nno warnings\n";
  }
  text += fmt::format("\n{}\n", report::counted(warnings, "warning"));
  for (const chip::Lint& lint : lints) {
    if (lint.verdict == chip::Verdict::warning) {
      text += fmt::format("  {}: {}\n", lint.quantity, lint.remark);
    }
  }
  return text;
}

Json lint_json(const chip::Chip& chip, const std::vector<chip::Lint>& lints) {
  Json json = header("check", chip);
  Json list = Json::array();
  for (const chip::Lint& lint : lints) {
    Json entry{{"id", lint.id}, {"quantity", lint.quantity}};
    if (!lint.stated.empty()) {
      entry["stated"] = lint.stated;
      entry["stated_value"] = lint.stated_value;
    }
    entry["computed"] = lint.computed;
    entry["computed_value"] = lint.computed_value;
    entry["formula"] = lint.formula;
    entry["verdict"] = chip::name(lint.verdict);
    if (!lint.remark.empty()) {
      entry["remark"] = lint.remark;
    }
    list.push_back(std::move(entry));
  }
  json["lints"] = std::move(list);
  const chip::GuessShare share = chip::guess_share(chip);
  json["guesses"] = {{"guesses", share.guesses}, {"numbers", share.numbers}};
  return json;
}

ExitCode check_chip(const Terminal& terminal, const Words& words) {
  const auto chip = chip::load(words.chip, words.overrides);
  if (!chip) {
    return terminal.report(chip.error());
  }
  if (words.resolved) {
    terminal.out(terminal.json ? dump_json(resolved_json(*chip)) + "\n" : resolved_text(*chip));
    return ExitCode::ok;
  }
  const auto lints = chip::lints(*chip);
  terminal.out(terminal.json ? dump_json(lint_json(*chip, lints)) + "\n" : lint_text(*chip, lints));
  return ExitCode::ok;
}

}  // namespace

Action configure_check(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("CHIP", words->chip,
                 "a name of `churon chips` or the path of a description that ends in .toml")
      ->required();
  app.add_option("--set", words->overrides, "change a value of the chip: memory.hbm.stacks=6")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_flag("--resolved", words->resolved, "every value, its bounds, source and origin");
  return [words](const Terminal& terminal) { return check_chip(terminal, *words); };
}

}  // namespace churon::cli
