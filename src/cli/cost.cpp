// `churon cost`: from the chip description to dollars.
#include <fmt/format.h>

#include <memory>

#include "base/data_dir.h"
#include "base/file.h"
#include "cli/verb.h"
#include "cost/vectors.h"

namespace churon::cli {

namespace {

constexpr std::uint64_t kTableSizeMax = std::uint64_t{64} << 20;

struct Words {
  std::string subject;  // a chip, or the table of --vectors
  std::string vectors;
  std::string data;
};

ExitCode vectors(const Terminal& terminal, const Words& words) {
  auto text = read_file(words.subject == "-" ? "/dev/stdin" : words.subject, kTableSizeMax);
  if (!text) {
    return terminal.report(text.error());
  }
  const auto table = cost::vectors(words.vectors, std::move(*text), words.subject,
                                   words.data.empty() ? data_path("data/cost") : words.data);
  if (!table) {
    return terminal.report(table.error());
  }
  terminal.out(*table);
  return ExitCode::ok;
}

}  // namespace

Action configure_cost(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("CHIP", words->subject, "a chip's name or file; a table with --vectors")
      ->required()
      ->type_name("CHIP");
  app.add_option("--vectors", words->vectors,
                 "a table (CSV) through a model: chiplet-actuary, harvest or dies")
      ->type_name("KIND");
  app.add_option("--data", words->data, "folder of the cost tables; default the tool's")
      ->type_name("FOLDER");
  return [words](const Terminal& terminal) { return vectors(terminal, *words); };
}

}  // namespace churon::cli
