// Errors of estimates and comparisons that no command line of errors/estimate.txt shows, as a user
// reads them: errors/E.txt. What is not fitted keeps the texts from changing with every fit.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <regex>

#include "chip/chip.h"
#include "estimate/efficiency.h"
#include "evaluate/band.h"
#include "evaluate/compare.h"
#include "evaluate/evaluate.h"
#include "gguf_writer.h"
#include "golden.h"
#include "model/shapes.h"

namespace churon::evaluate {
namespace {

const std::string kErrors = CHURON_SOURCE_DIR "/tests/golden/errors/";

// What a loader says of a table; the folder is not part of the text.
template <typename Load>
std::string errors_of(const std::string& name, const std::string& table, const Load& load) {
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path, std::ios::binary) << table;
  const auto loaded = load(path);
  std::filesystem::remove(path);
  EXPECT_FALSE(loaded) << table;
  return loaded ? ""
                : std::regex_replace(to_text(loaded.error()), std::regex(testing::TempDir() + "/?"),
                                     "");
}

struct Asked {
  std::string what, model, chip, workload;
  double tpot_limit_s, ttft_limit_s;
  int chips_max = 8;
};

std::string infeasible_text(const Asked& asked) {
  const auto chip = *chip::load(asked.chip);
  const auto model = *model::find_shape(*model::load_shapes(), asked.model);
  const auto compared = compare({.contestants = {{&chip, ""}},
                                 .models = {&model},
                                 .workloads = *workloads(asked.workload),
                                 .tpot_limit_s = asked.tpot_limit_s,
                                 .ttft_limit_s = asked.ttft_limit_s,
                                 .chips_max = asked.chips_max,
                                 .interrupted = {}},
                                estimate::unfitted(), {}, {});
  EXPECT_TRUE(compared) << asked.what;
  const auto& infeasible = compared->cells.front().rows.front().infeasible;
  EXPECT_TRUE(infeasible) << asked.what;
  return infeasible ? fmt::format("# {}\n{}: {}\n  {}\n\n", asked.what, infeasible->code,
                                  infeasible->reason, infeasible->remedy)
                    : "";
}

// `churon run` with more sequences than the chip's memory holds.
std::string memory_text() {
  const std::string bytes = test::tiny_model(model::Architecture::llama).bytes();
  std::vector<std::byte> header(bytes.size());
  std::memcpy(header.data(), bytes.data(), bytes.size());
  const auto model =
      *model::make_model(*model::parse_gguf(std::move(header), bytes.size(), "tiny.gguf"));
  const auto chip = *chip::load("churon-0");
  const auto fits = check_fits(chip, model, 1'000'000, 32768, {});
  EXPECT_FALSE(fits);
  return to_text(fits.error());
}

std::string golden_text() {
  std::string text;
  const auto efficiency = [&](const std::string& what, const std::string& table) {
    text += fmt::format("# {}\n{}\n", what,
                        errors_of("efficiency.csv", table, estimate::load_efficiency));
  };
  const std::string header = "scope,name,value,low,high,unit,basis,fit_rows,source,note\n";
  const std::string row = "gemm,compute,0.8,0.7,0.9,1,fitted,9,a.csv,\n";
  efficiency("columns", "scope,name,value,low,high,basis,fit_rows,source,note\n");
  efficiency("unknown parameter", header + "gemm,compte,0.8,0.7,0.9,1,fitted,9,a.csv,\n");
  efficiency("twice", header + row + row);
  efficiency("unit", header + "gemm,compute,80,70,90,percent,fitted,9,a.csv,\n");
  efficiency("value", header + "gemm,compute,much,0.7,0.9,1,fitted,9,a.csv,\n");

  const auto bands = [&](const std::string& what, const std::string& table) {
    text += fmt::format("# {}\n{}\n", what, errors_of("bands.csv", table, ErrorBands::load));
  };
  bands("columns of bands", "scope,metric\n");
  bands("values of bands", "scope,metric,p10,p90,groups,rows,source\ndense,TPOT,nan,-1,7,many,x\n");

  text += "# a chip's memory\n" + memory_text() + "\n";

  for (const Asked& asked : std::vector<Asked>{
           {"weights", "llama-3.1-405b", "tpu-v5e", "1k/1k", 1, 10},
           {"one cache", "llama-3.1-70b", "h100", "126k/1k", 1, 100, 1},
           {"TPOT", "llama-3.1-70b", "h100", "1k/1k", 1e-4, 10},
           {"TTFT", "llama-3.1-70b", "h100", "1k/1k", 10, 1e-4},
           {"one or the other", "deepseek-v3", "tpu-v6e", "8k/1k", 8.1e-3, 252e-3, 64},
           {"longer than the context", "GPT-2 small", "h100", "1k/1k", 1, 10}}) {
    text += infeasible_text(asked);
  }
  return text;
}

TEST(EstimateErrors, read_as_they_are_meant_to) {
  golden::compare(golden_text(), kErrors + "E.txt");
}

TEST(EstimateErrors, have_a_golden_for_every_code_of_the_page) {
  std::string text;
  for (const char* file : {"E.txt", "E04.txt", "estimate.txt"}) {
    text += golden::file_text(kErrors + file);
  }
  const std::string page = golden::file_text(CHURON_SOURCE_DIR "/docs/errors/E.md");
  const std::regex heading("## (E[0-9]{4}) ");
  for (std::sregex_iterator it(page.begin(), page.end(), heading), end; it != end; ++it) {
    EXPECT_NE(text.find((*it)[1].str()), std::string::npos) << (*it)[1];
  }
}

}  // namespace
}  // namespace churon::evaluate
