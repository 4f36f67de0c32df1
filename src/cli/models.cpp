// `churon models`: which models there are by name, bring them, say where they are.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>

#include "base/json.h"
#include "base/text.h"
#include "base/unit.h"
#include "cli/verb.h"
#include "model/cache.h"
#include "model/catalogue.h"
#include "model/pull.h"
#include "report/format.h"

namespace churon::cli {

// Defined in models_show.cpp and models_shapes.cpp.
Action configure_models_show(CLI::App& app);
Action configure_models_shapes(CLI::App& app);

namespace {

// ---- models ----

ExitCode list_models(const Terminal& terminal) {
  const auto catalogue = model::load_catalogue();
  if (!catalogue) {
    return terminal.report(catalogue.error());
  }
  if (terminal.json) {
    Json document = json_document("models");
    document["cache"] = model::cache_directory();
    document["models"] = Json::array();
    for (const auto& known : catalogue->models) {
      Json entry{{"name", known.name}, {"description", known.description}, {"file", known.file}};
      entry["size_bytes"] = known.size ? Json(*known.size) : Json();
      entry["sha256"] = known.sha256.empty() ? Json() : Json(known.sha256);
      entry["licence"] = known.licence;
      entry["licence_url"] = known.licence_url;
      entry["upstream"] = known.upstream;
      entry["catalogue"] = known.catalogue;
      entry["here"] = model::is_cached(known);
      entry["path"] = model::cached_path(known);
      document["models"].push_back(std::move(entry));
    }
    terminal.out(dump_json(document) + "\n");
    return ExitCode::ok;
  }
  using report::Align;
  report::Table table({Align::left, Align::right, Align::left, Align::left, Align::left});
  table.row({"name", "size", "here", "licence", "what it is"});
  for (const auto& known : catalogue->models) {
    table.row({escape_control(known.name),
               known.size ? report::text(Bytes(static_cast<double>(*known.size))) : "?",
               model::is_cached(known) ? "yes" : "no", escape_control(known.licence),
               escape_control(known.description)});
  }
  terminal.out(table.text());
  terminal.note(fmt::format(
      "\n`churon models pull NAME` brings one to {}; any GGUF file works by its path as well.",
      escape_control(model::cache_directory())));
  return ExitCode::ok;
}

// ---- models path ----

ExitCode print_path(const Terminal& terminal, const std::string& name) {
  const auto path = model::resolve_model(name);
  if (!path) {
    return terminal.report(path.error());
  }
  if (terminal.json) {
    Json document = json_document("models.path");
    document["path"] = *path;
    terminal.out(dump_json(document) + "\n");
  } else {
    terminal.out(*path + "\n");
  }
  return ExitCode::ok;
}

// ---- models pull ----

struct PullWords {
  std::string name;
  std::string sha256;
  std::string size_max;
  bool yes = false;
};

// The line is rewritten a few times a second, and at the end of each step.
class ProgressLine {
 public:
  ProgressLine(const Terminal& terminal, std::string name)
      : terminal_(terminal), name_(std::move(name)) {}

  void show(std::string_view step, std::uint64_t done, std::uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    const bool new_step = step_ != step;
    if (!new_step && now - shown_ < std::chrono::milliseconds(100)) {
      return;
    }
    if (new_step) {
      step_ = step;
      step_began_ = now;
      step_begin_bytes_ = done;
    }
    shown_ = now;
    std::string line = fmt::format("{} {}", name_, step);
    if (total != 0) {
      const auto part = std::min(done, total);
      line += fmt::format("  {} of {}, {}", size(part), size(total),
                          report::percent(static_cast<double>(part) / static_cast<double>(total)));
    } else if (done != 0) {
      line += "  " + size(done);
    }
    const std::chrono::duration<double> time = now - step_began_;
    if (time.count() > 1 && done > step_begin_bytes_) {
      line += fmt::format(
          ", {}", report::si(static_cast<double>(done - step_begin_bytes_) / time.count(), "B/s"));
    }
    terminal_.show_progress(line);
  }

 private:
  static std::string size(std::uint64_t bytes) {
    return report::text(Bytes(static_cast<double>(bytes)));
  }

  const Terminal& terminal_;
  std::string name_;
  std::string step_;
  std::chrono::steady_clock::time_point step_began_;
  std::chrono::steady_clock::time_point shown_;
  std::uint64_t step_begin_bytes_ = 0;
};

// Prints the terms; a person at a terminal says y, a script has to say --yes.
Result<void> ask_for_terms(const Terminal& terminal, const model::KnownModel& known, bool yes) {
  const auto say = [](const std::string& text) { std::fputs(text.c_str(), stderr); };
  terminal.show_progress("");
  say(fmt::format("{} comes under terms:\n\n{}\n\n", escape_control(known.name),
                  escape_terminal(known.terms)));
  if (yes) {
    say("Accepted with --yes.\n");
    return {};
  }
  const std::string command = fmt::format("`churon models pull {} --yes` accepts them", known.name);
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) {
    return fail("P0403",
                fmt::format("`{}` has terms, and there is nobody to accept them", known.name),
                {command});
  }
  say("Do you accept them? [y/N] ");
  std::string answer;
  std::getline(std::cin, answer);
  if (interrupted()) {
    return model::interrupted_pull();
  }
  const std::string word = to_lower_ascii(trim(answer));
  if (word == "y" || word == "yes") {
    return {};
  }
  return fail("P0403",
              fmt::format("`{}` was not downloaded: its terms were not accepted", known.name),
              {command});
}

Result<std::string> checked_digest(const std::string& word) {
  std::string digest = to_lower_ascii(word);
  if (!digest.empty() &&
      (digest.size() != 64 || digest.find_first_not_of("0123456789abcdef") != std::string::npos)) {
    return fail(
        usage("P0108", fmt::format("`{}` is not a SHA-256: it has 64 hexadecimal digits", word)));
  }
  return digest;
}

Result<std::optional<std::uint64_t>> checked_size(const std::string& word) {
  if (word.empty()) {
    return std::nullopt;
  }
  const auto size = parse_quantity(word, QuantityKind::size);
  if (!size || *size < 1 || *size > 1e18) {
    return fail(usage("P0109", fmt::format("`{}` is not a size such as 800MB or 5GB", word)));
  }
  return static_cast<std::uint64_t>(*size);
}

void print_pulled(const Terminal& terminal, const PullWords& words, const model::Pulled& pulled) {
  if (terminal.json) {
    Json document = json_document("models.pull");
    document["path"] = pulled.path;
    document["size_bytes"] = pulled.size;
    document["sha256"] = pulled.sha256;
    document["verified"] = pulled.verified;
    document["already_here"] = pulled.already_here;
    terminal.out(dump_json(document) + "\n");
    return;
  }
  terminal.note(fmt::format(
      "{} {}: {}, sha256 {} {}", escape_control(words.name),
      pulled.already_here ? "was here already" : "is here now",
      report::text(Bytes(static_cast<double>(pulled.size))), pulled.sha256,
      pulled.verified ? "(verified)" : "(unverified: no digest was stated beforehand)"));
  terminal.out(pulled.path + "\n");
}

ExitCode pull_model(const Terminal& terminal, const PullWords& words) {
  const auto digest = checked_digest(words.sha256);
  if (!digest) {
    return terminal.report(digest.error());
  }
  const auto size_max = checked_size(words.size_max);
  if (!size_max) {
    return terminal.report(size_max.error());
  }
  const auto catalogue = model::load_catalogue();
  if (!catalogue) {
    return terminal.report(catalogue.error());
  }
  const auto known = model::find_model(*catalogue, words.name);
  if (!known) {
    return terminal.report(known.error());
  }
  ProgressLine progress(terminal, words.name);
  model::PullOptions options;
  options.sha256 = *digest;
  options.size_max = *size_max;
  options.accept_terms = [&](const model::KnownModel& asked) {
    return ask_for_terms(terminal, asked, words.yes);
  };
  options.note = [&](std::string_view text) {
    terminal.show_progress("");
    terminal.note(escape_control(text));
  };
  options.watch.progress = [&](std::string_view step, std::uint64_t done, std::uint64_t total) {
    progress.show(step, done, total);
  };
  options.watch.cancelled = interrupted;
  const auto pulled = model::pull(*known, options);
  if (!pulled) {
    return terminal.report(pulled.error());
  }
  terminal.show_progress("");
  print_pulled(terminal, words, *pulled);
  return ExitCode::ok;
}

CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& summary,
                      const std::string& examples) {
  auto* command = app.add_subcommand(name);
  command->description(summary + "\n\nExamples:\n  " + examples);
  command->fallthrough();  // --json and --quiet are the verb's
  return command;
}

}  // namespace

Action configure_models(CLI::App& app) {
  struct State {
    PullWords pull;
    std::string path_name;
  };
  auto state = std::make_shared<State>();

  auto* pull = add_command(app, "pull", "brings a model into the cache",
                           "churon models pull smollm2\n"
                           "  churon models pull hf:org/repo/model-q4_0.gguf --size-max 5GB");
  pull->add_option("MODEL", state->pull.name,
                   "a name of `churon models`, an https address, or hf:org/repo/file.gguf")
      ->required()
      ->type_name("MODEL");
  pull->add_flag("--yes", state->pull.yes, "accept the model's terms");
  pull->add_option("--sha256", state->pull.sha256, "the digest that the file must have")
      ->type_name("HEX");
  pull->add_option("--size-max", state->pull.size_max,
                   "download no more than this: 800MB, 5GB; default 100GB")
      ->type_name("SIZE");

  auto* path = add_command(app, "path", "prints where a model is", "churon models path smollm2");
  path->add_option("MODEL", state->path_name, "a name of `churon models`")
      ->required()
      ->type_name("MODEL");

  auto* show = add_command(app, "show", "prints what a model's file holds",
                           "churon models show smollm2\n"
                           "  churon models show path/to/model.gguf --tensors --digest");
  const Action show_model = configure_models_show(*show);

  auto* shapes = add_command(app, "shapes", "lists the models that are known by shape",
                             "churon models shapes\n"
                             "  churon models shapes Llama-3.1-70B-Instruct-FP8");
  const Action show_shapes = configure_models_shapes(*shapes);

  return [=](const Terminal& terminal) {
    if (shapes->parsed()) {
      return show_shapes(terminal);
    }
    if (show->parsed()) {
      return show_model(terminal);
    }
    if (pull->parsed()) {
      return pull_model(terminal, state->pull);
    }
    if (path->parsed()) {
      return print_path(terminal, state->path_name);
    }
    return list_models(terminal);
  };
}

}  // namespace churon::cli
