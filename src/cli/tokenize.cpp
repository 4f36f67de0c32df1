// `churon tokenize`: text to token ids, as the model's own tokenizer cuts it.
#include <unistd.h>

#include <memory>
#include <optional>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/verb.h"
#include "model/catalogue.h"
#include "model/findings.h"
#include "model/gguf.h"
#include "model/tokenizer.h"
#include "report/format.h"

namespace churon::cli {

namespace {

constexpr std::uint64_t kInputSizeMax = std::uint64_t{256} << 20;

struct Words {
  std::string model;
  std::optional<std::string> text;
  std::string file;
  std::string jsonl;
  bool special = false;
};

Result<void> check_words(const Words& words) {
  const int given =
      (words.text ? 1 : 0) + (words.file.empty() ? 0 : 1) + (words.jsonl.empty() ? 0 : 1);
  if (given > 1) {
    return fail(usage("T0201", "TEXT, -f and --jsonl each give the text", {"use one of them"}));
  }
  if (given == 0 && ::isatty(STDIN_FILENO) == 1) {
    return fail(usage("T0201", "there is no text",
                      {"TEXT, -f FILE, --jsonl FILE, or a pipe on standard input"}));
  }
  return {};
}

std::string path_of(const std::string& file) {
  return file.empty() || file == "-" ? "/dev/stdin" : file;
}

// One line of --jsonl: the ids of the field `text` of a JSON object.
Result<std::vector<model::TokenId>> ids_of_line(const model::Tokenizer& tokenizer,
                                                model::EncodeOptions options, std::string_view line,
                                                const SourceSpan& place) {
  const Json object = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object() || !object.contains("text") || !object["text"].is_string()) {
    return fail(
        {.code = "T0202",
         .message = fmt::format("line {} is not a JSON object with a string `text`", place.line),
         .span = place,
         .help = {R"(a line looks like {"text": "Hello"})"}});
  }
  return tokenizer.encode(object["text"].get_ref<const std::string&>(), options);
}

ExitCode print_lines(const Terminal& terminal, const model::Tokenizer& tokenizer,
                     model::EncodeOptions options, std::string_view text, const std::string& file) {
  if (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  SourceSpan place{.file = file, .line = 0, .column = 1, .text = "", .label = ""};
  for (const std::string_view line : split(text, '\n')) {
    ++place.line;
    if (trim(line).empty()) {
      continue;
    }
    const auto ids = ids_of_line(tokenizer, options, line, place);
    if (!ids) {
      return terminal.report(ids.error());
    }
    terminal.out(fmt::format("{{\"ids\": [{}]}}\n", fmt::join(*ids, ", ")));
    if (interrupted()) {
      return ExitCode::interrupted;
    }
  }
  return ExitCode::ok;
}

// Ids in one column, what they stand for in the other.
std::string table(const model::Tokenizer& tokenizer, std::span<const model::TokenId> ids) {
  report::Table table({report::Align::right, report::Align::left});
  for (const model::TokenId id : ids) {
    table.row({std::to_string(id), "\"" + escape_control(tokenizer.piece(id, true)) + "\"" +
                                       (tokenizer.is_control(id) ? "  control" : "")});
  }
  return table.text();
}

Json document(const model::Tokenizer& tokenizer, std::span<const model::TokenId> ids) {
  Json result = json_document("tokenize");
  result["tokenizer"] = tokenizer.description();
  result["ids"] = ids;
  result["pieces"] = Json::array();
  for (const model::TokenId id : ids) {
    result["pieces"].push_back(tokenizer.piece(id, true));
  }
  return result;
}

ExitCode tokenize(const Terminal& terminal, const Words& words) {
  if (const auto checked = check_words(words); !checked) {
    return terminal.report(checked.error());
  }
  const auto path = model::resolve_model(words.model);
  if (!path) {
    return terminal.report(path.error());
  }
  const auto file = model::open_gguf(*path);
  if (!file) {
    return terminal.report(file.error());
  }
  const auto tokenizer = model::Tokenizer::from_metadata(file->metadata);
  if (!tokenizer) {
    return terminal.report(model::in_file(model::with_remedy(tokenizer.error()), *path).value());
  }
  auto text = words.text ? Result<std::string>(*words.text)
                         : read_file(path_of(words.jsonl.empty() ? words.file : words.jsonl),
                                     kInputSizeMax);
  if (!text) {
    return terminal.report(text.error());
  }
  const model::EncodeOptions options{.add_special = words.special, .parse_special = words.special};
  if (!words.jsonl.empty()) {
    return print_lines(terminal, *tokenizer, options, *text, words.jsonl);
  }
  const auto ids = tokenizer->encode(*text, options);
  if (terminal.json) {
    terminal.out(dump_json(document(*tokenizer, ids)) + "\n");
  } else {
    terminal.out(table(*tokenizer, ids));
    terminal.note(report::counted(static_cast<long long>(ids.size()), "token"));
  }
  return ExitCode::ok;
}

}  // namespace

Action configure_tokenize(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("MODEL", words->model, "a name of `churon models`, or a path to a GGUF file")
      ->required();
  app.add_option("TEXT", words->text, "the text; else -f, --jsonl, or standard input");
  app.add_option("-f,--file", words->file, "a file with the text");
  app.add_option("--jsonl", words->jsonl,
                 "a file with lines {\"text\": …}; each gives a line {\"ids\": […]}");
  app.add_flag("--special", words->special,
               "control tokens in the text count, and BOS and EOS are added as the model asks");
  return [words](const Terminal& terminal) { return tokenize(terminal, *words); };
}

}  // namespace churon::cli
