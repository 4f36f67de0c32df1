// `churon quantize`: a GGUF file with its matrices in another tensor type.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <memory>
#include <tuple>

#include "base/json.h"
#include "base/text.h"
#include "cli/verb.h"
#include "model/catalogue.h"
#include "model/quantize_file.h"
#include "numeric/thread_pool.h"
#include "report/format.h"

namespace churon::cli {

namespace {

struct QuantizeWords {
  std::string input;
  std::string output;
  std::string type;
  std::string output_type;
  int threads = 0;
};

std::vector<std::string> type_names() {
  std::vector<std::string> names;
  for (const auto& type : numeric::tensor_types()) {
    names.emplace_back(type.name);
  }
  return names;
}

Result<numeric::TensorType> tensor_type(const std::string& word) {
  if (const auto type = numeric::tensor_type_from_name(word)) {
    return *type;
  }
  const auto names = type_names();
  Diagnostic diagnostic{.code = "M0503",
                        .message = fmt::format("`{}` is no tensor type that can be written", word),
                        .notes = {"types are " + join(names, ", ")},
                        .exit = ExitCode::usage};
  std::string upper = word;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (const auto near = did_you_mean(upper, names)) {
    diagnostic.help.push_back(fmt::format("did you mean `{}`?", *near));
  }
  return fail(std::move(diagnostic));
}

std::string size_text(std::uint64_t bytes) {
  return report::text(Bytes(static_cast<double>(bytes)));
}

std::string error_text(const model::TypeChange& change) {
  return change.exact() ? "exact" : fmt::format("{:.1f} dB", change.signal_to_noise_db());
}

std::string report_text(const model::QuantizeReport& done, const std::string& path) {
  using report::Align;
  report::Table table(
      {Align::left, Align::left, Align::right, Align::right, Align::right, Align::right});
  table.row({"from", "to", "tensors", "before", "after", "signal to noise"});
  for (const auto& change : done.changes) {
    table.row({numeric::info(change.from).name, numeric::info(change.to).name,
               std::to_string(change.tensors), size_text(change.bytes_before),
               size_text(change.bytes_after), error_text(change)});
  }
  return table.text() + fmt::format("{}: {} became {}\n", escape_control(path),
                                    size_text(done.bytes_before), size_text(done.bytes_after));
}

// Tensors alike are one line: a model has the same matrices in every layer.
std::string fallback_text(const std::vector<model::TypeFallback>& fallbacks) {
  using Kind = std::tuple<std::uint64_t, numeric::TensorType, numeric::TensorType>;
  std::map<Kind, int> counts;
  for (const auto& fallback : fallbacks) {
    counts[{fallback.columns, fallback.wanted, fallback.used}] += 1;
  }
  std::string text;
  for (const auto& [kind, count] : counts) {
    const auto& [columns, wanted, used] = kind;
    text += fmt::format("note: blocks of {} do not divide rows of {}: {} for {} in {}\n",
                        numeric::info(wanted).block_elements, columns, numeric::info(used).name,
                        numeric::info(wanted).name, report::counted(count, "tensor"));
  }
  return text;
}

Json report_json(const model::QuantizeReport& done, const QuantizeWords& words) {
  Json document = json_document("quantize");
  document["path"] = words.output;
  document["size_bytes_before"] = done.bytes_before;
  document["size_bytes_after"] = done.bytes_after;
  document["changes"] = Json::array();
  for (const auto& change : done.changes) {
    document["changes"].push_back(
        {{"from", numeric::info(change.from).name},
         {"to", numeric::info(change.to).name},
         {"tensors", change.tensors},
         {"size_bytes_before", change.bytes_before},
         {"size_bytes_after", change.bytes_after},
         {"signal_to_noise_db", change.exact() ? Json() : Json(change.signal_to_noise_db())}});
  }
  document["fallbacks"] = Json::array();
  for (const auto& fallback : done.fallbacks) {
    document["fallbacks"].push_back({{"tensor", fallback.tensor},
                                     {"wanted", numeric::info(fallback.wanted).name},
                                     {"used", numeric::info(fallback.used).name}});
  }
  return document;
}

Result<model::QuantizeReport> quantized(const Terminal& terminal, const QuantizeWords& words) {
  model::QuantizeOptions options;
  const auto type = tensor_type(words.type);
  if (!type) {
    return fail(type);
  }
  options.type = *type;
  if (!words.output_type.empty()) {
    const auto output_type = tensor_type(words.output_type);
    if (!output_type) {
      return fail(output_type);
    }
    options.output_type = *output_type;
  }
  const auto path = model::resolve_model(words.input);
  if (!path) {
    return fail(path);
  }
  const auto input = model::open_gguf(*path);
  if (!input) {
    return fail(input);
  }
  options.threads = words.threads > 0 ? words.threads : numeric::processors_available();
  options.interrupted = interrupted;
  options.progress = [&](std::string_view tensor, double fraction) {
    terminal.show_progress(fmt::format("quantizing {} {}", report::percent(fraction), tensor));
  };
  return model::quantize_file(*input, words.output, options);
}

ExitCode quantize(const Terminal& terminal, const QuantizeWords& words) {
  const auto done = quantized(terminal, words);
  if (!done) {
    return terminal.report(done.error());
  }
  terminal.show_progress("");
  if (terminal.json) {
    terminal.out(dump_json(report_json(*done, words)) + "\n");
    return ExitCode::ok;
  }
  if (!terminal.quiet) {
    terminal.out(fallback_text(done->fallbacks) + report_text(*done, words.output));
  }
  return ExitCode::ok;
}

}  // namespace

Action configure_quantize(CLI::App& app) {
  auto words = std::make_shared<QuantizeWords>();
  app.add_option("INPUT", words->input, "a name of `churon models`, or the path of a GGUF file")
      ->required()
      ->type_name("INPUT");
  app.add_option("OUTPUT", words->output, "the file to write")->required()->type_name("OUTPUT");
  app.add_option("TYPE", words->type, "of the matrices: " + join(type_names(), ", "))
      ->required()
      ->type_name("TYPE");
  app.add_option("--output-type", words->output_type,
                 "of token embedding and output matrix; default TYPE")
      ->type_name("TYPE");
  app.add_option("-t,--threads", words->threads, "threads of this machine; default all")
      ->check(CLI::Range(1, 1024));
  return [words](const Terminal& terminal) { return quantize(terminal, *words); };
}

}  // namespace churon::cli
