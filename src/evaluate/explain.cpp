#include "evaluate/explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/csv.h"
#include "base/data_dir.h"
#include "base/text.h"

namespace churon::evaluate {

namespace {

using estimate::Term;

// "memory.*.bandwidth" fits "memory.hbm.bandwidth".
bool fits(std::string_view path, std::string_view pattern) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) {
    return path == pattern;
  }
  return path.starts_with(pattern.substr(0, star)) && path.ends_with(pattern.substr(star + 1)) &&
         path.size() >= pattern.size();
}

// What physics allows, by the kind of operator: src/estimate/kernels.h, collective.h.
std::string bound_formula(std::string_view scope, bool own, bool across) {
  if (scope == "collective") {
    return across ? "max(bytes that must be sent / link bandwidth, bytes that must cross / "
                    "scale-out rate)"
                  : "bytes that must be sent / link bandwidth; a switch that sums halves those of "
                    "an all-reduce";
  }
  if (scope == "experts") {
    return "max(operations, spread evenly / peak, experts of one token / bandwidth), whatever the "
           "routing";
  }
  if (scope == "attention") {
    return own ? "max(operations / peak, caches / bandwidth, softmax)"
               : "max(operations / peak, caches / bandwidth)";
  }
  return own ? "max(operations / peak, weights / bandwidth)"
             : "max(operations / peak, (weights + activations beyond the cache) / bandwidth)";
}

std::string peak_path(estimate::Rate rate) { return fmt::format("peak.{}", estimate::name(rate)); }

}  // namespace

Result<Explainer> Explainer::create(const chip::Chip& chip, const estimate::Device& device) {
  Explainer explainer(chip, device);
  const auto table = read_csv(data_path("data/efficiency.csv"));
  if (!table) {
    return fail(table);
  }
  const auto column = [&](std::string_view name) { return table->column(name); };
  for (const CsvRow& row : table->rows) {
    const auto text = [&](int index) {
      return index >= 0 && static_cast<std::size_t>(index) < row.fields.size()
                 ? std::string(trim(row.fields[static_cast<std::size_t>(index)].text))
                 : std::string();
    };
    explainer.provenance_[{text(column("scope")), text(column("name"))}] = {
        text(column("basis")), text(column("source")), text(column("fit_rows"))};
  }
  return explainer;
}

Term Explainer::of_chip(std::string key, std::string text, double value, std::string unit,
                        std::string_view path) const {
  Term term{
      .key = std::move(key), .text = std::move(text), .value = value, .unit = std::move(unit)};
  const std::string main = chip::main_memory(*chip_).id;
  const chip::Value* found = nullptr;
  for (const chip::Value& candidate : chip_->values) {
    const bool is_other_memory = candidate.path.starts_with("memory.") && !main.empty() &&
                                 !candidate.path.starts_with("memory." + main + ".");
    if (fits(candidate.path, path) && !is_other_memory) {
      found = &candidate;
      break;
    }
  }
  if (found == nullptr) {
    term.source = fmt::format("computed from the description of {}", chip_->id);
    return term;
  }
  term.source = found->where;
  if (!found->source.empty()) {
    const auto named = chip_->sources.find(found->source);
    term.source += fmt::format(
        ": {}{}", named == chip_->sources.end() ? found->source : named->second,
        found->basis == chip::Basis::none ? "" : fmt::format(" ({})", chip::name(found->basis)));
  }
  return term;
}

Term Explainer::parameters(std::string_view scope, std::string_view key) const {
  Term term{.key = std::string(key),
            .text = fmt::format("shared parameters of scope {}", scope),
            .source = "data/efficiency.csv"};
  for (const estimate::Parameter& parameter : estimate::parameters()) {
    if (parameter.scope != scope) {
      continue;
    }
    Term leaf{
        .key = std::string(parameter.name),
        .text = parameter.note.empty() ? std::string(parameter.name) : std::string(parameter.note),
        .value = parameter.get(device_->efficiency),
        .unit = std::string(parameter.unit)};
    const auto known =
        provenance_.find({std::string(parameter.scope), std::string(parameter.name)});
    leaf.source = known == provenance_.end()
                      ? "start value, not fitted"
                      : fmt::format("{}{}{}", known->second.basis,
                                    known->second.source.empty() ? "" : ": " + known->second.source,
                                    known->second.fit_rows.empty() || known->second.fit_rows == "0"
                                        ? ""
                                        : fmt::format(", {} rows", known->second.fit_rows));
    term.children.push_back(std::move(leaf));
  }
  return term;
}

Term Explainer::derate() const {
  const chip::Derate& set = device_->figures.derate;
  Term term{.key = "derate",
            .text = fmt::format("derate set {}: what is achieved of the peaks", set.name),
            .source = fmt::format("description of {}", chip_->id)};
  const auto add = [&](std::string_view name, double value, std::string unit) {
    term.children.push_back(of_chip(std::string(name), std::string(name), value, std::move(unit),
                                    fmt::format("derate.{}.{}", set.name, name)));
  };
  add("memory", set.memory.value, "1");
  add("mac_prefill", set.mac_prefill.value, "1");
  add("mac_decode", set.mac_decode.value, "1");
  add("link", set.link.value, "1");
  add("overlap", set.overlap.value, "1");
  add("layer", set.layer.value.value(), "s");
  add("collective", set.collective.value.value(), "s");
  add("step_host", set.step_host.value.value(), "s");
  add("software", set.software.value, "1");
  return term;
}

Term Explainer::across(const estimate::Price& price) const {
  const double rate = device_->figures.scale_out_bytes_per_s;
  return {.key = "across",
          .text = "bytes between scale-up domains, beside those inside",
          .value = price.across_s,
          .unit = "s",
          .formula = "bytes across / scale-out rate / share",
          .children = {{.key = "across_bytes",
                        .text = "sent by a rank to other domains",
                        .value = price.across_bytes,
                        .unit = "B",
                        .formula = "its part of the vector, in a ring or a tree of the domains"},
                       of_chip("scaleout_rate", "a chip's adapter, per direction", rate, "B/s",
                               "system.scaleout_rate"),
                       {.key = "share",
                        .text = "share of the adapter",
                        .value = price.across_bytes / rate / price.across_s,
                        .unit = "1"}}};
}

Term Explainer::price(std::string key, std::string text, const estimate::Price& price,
                      estimate::Rate rate, std::string_view scope,
                      std::string_view operations_formula) const {
  const estimate::Figures& figures = device_->figures;
  const auto share = [](double ideal, double taken) { return taken > 0 ? ideal / taken : 0.0; };
  Term term{.key = std::move(key),
            .text = std::move(text),
            .value = price.expected_s,
            .unit = "s",
            .formula = "what overlaps of compute, memory, vector and link, + fixed"};
  const auto add = [](Term& parent, Term child) { parent.children.push_back(std::move(child)); };

  Term bound{.key = "bound",
             .text = "what physics allows",
             .value = price.bound_s,
             .unit = "s",
             .formula = bound_formula(scope, figures.own, price.across_bytes > 0)};
  add(term, std::move(bound));
  const estimate::Rate native = figures.native(rate);
  const double peak = figures.peak(rate);
  if (price.operations > 0 && price.compute_s > 0) {
    Term compute{.key = "compute",
                 .text = "multiply-adds",
                 .value = price.compute_s,
                 .unit = "s",
                 .formula = "operations / peak / share"};
    add(compute, {.key = "operations",
                  .text = "operations, two a multiply-add",
                  .value = price.operations,
                  .unit = "op",
                  .formula = std::string(operations_formula)});
    add(compute,
        of_chip("peak",
                fmt::format(
                    "dense peak, {}{}", estimate::name(native),
                    native == rate ? "" : fmt::format(" ({} is not native)", estimate::name(rate))),
                peak, "op/s", peak_path(native)));
    add(compute, {.key = "share",
                  .text = "share of the peak",
                  .value = share(price.operations / peak, price.compute_s),
                  .unit = "1",
                  .formula = figures.own ? "tiles of the matrix unit x derate"
                                         : "tiles, waves, sustained clock x parameters"});
    add(term, std::move(compute));
  }
  if (price.bytes > 0 && price.memory_s > 0) {
    Term memory{.key = "memory",
                .text = "bytes of the main memory",
                .value = price.memory_s,
                .unit = "s",
                .formula = "bytes / bandwidth / share"};
    add(memory, {.key = "bytes",
                 .text = "read and written",
                 .value = price.bytes,
                 .unit = "B",
                 .formula = "weights with their scales + activations or KV cache"});
    add(memory, of_chip("bandwidth", "memory bandwidth", figures.memory_bytes_per_s, "B/s",
                        "memory.*.bandwidth"));
    add(memory, {.key = "share",
                 .text = "share of the bandwidth (above 1: cache)",
                 .value = share(price.bytes / figures.memory_bytes_per_s, price.memory_s),
                 .unit = "1"});
    add(term, std::move(memory));
  }
  if (price.vector_s > 0) {
    add(term, {.key = "vector",
               .text = "softmax and other vector work",
               .value = price.vector_s,
               .unit = "s"});
  }
  if (price.link_bytes > 0 && price.link_s > 0) {
    Term link{.key = "link",
              .text = "bytes of the scale-up links",
              .value = price.link_s,
              .unit = "s",
              .formula = "link bytes / link bandwidth / share"};
    add(link,
        {.key = "link_bytes", .text = "sent by a rank", .value = price.link_bytes, .unit = "B"});
    add(link, of_chip("link_bandwidth", "scale-up, per direction", figures.link_bytes_per_s, "B/s",
                      "link.*.bandwidth"));
    add(link, {.key = "share",
               .text = "share of the link",
               .value = share(price.link_bytes / figures.link_bytes_per_s, price.link_s),
               .unit = "1"});
    add(term, std::move(link));
  }
  if (price.across_bytes > 0) {
    add(term, across(price));
  }
  add(term, {.key = "fixed",
             .text = "launch, fill and drain, exchange",
             .value = price.fixed_s,
             .unit = "s",
             .formula = "what does not shrink with the work"});
  if (price.across_bytes > 0) {
    add(term, parameters("network", "network"));
  }
  if (figures.own) {
    add(term, derate());
  } else {
    add(term, parameters(scope));
    if (scope == "gemm") {
      add(term, parameters("formats", "formats"));
    }
  }
  return term;
}

Term Explainer::band(std::string key, double value, const std::string& unit,
                     const ErrorBand& band) {
  Term term{.key = std::move(key), .text = "not known"};
  if (!band.is_known()) {
    return term;
  }
  term.text = band.source;
  if (band.rows > 0) {
    term.source = fmt::format("data/bands.csv: {} rows of {} groups", band.rows, band.groups);
  }
  for (const auto& [end, factor] : {std::pair{"p10", band.p10}, std::pair{"p90", band.p90}}) {
    term.children.push_back({.key = end,
                             .text = "",
                             .value = value * factor,
                             .unit = unit,
                             .formula = fmt::format("{:.3g} x what is expected", factor)});
  }
  return term;
}

}  // namespace churon::evaluate
