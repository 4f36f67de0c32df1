// `churon estimate` and `churon compare` as a user meets them. What each mistake is answered with
// is in tests/golden/errors/estimate.txt; `make golden` writes it anew.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "golden.h"
#include "program.h"

namespace churon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Estimate : testing::Test {
  test::TemporaryFolder folder;
  test::Ended run(std::vector<std::string> words) const {
    words.insert(words.begin(), CHURON_BINARY);
    return test::run_program(words, {{"CHURON_DATA", CHURON_SOURCE_DIR},
                                     {"XDG_CONFIG_HOME", folder.path("config")},
                                     {"LC_ALL", "C.UTF-8"}});
  }
  Json json(std::vector<std::string> words) const {
    words.emplace_back("--json");
    const auto ended = run(words);
    EXPECT_EQ(ended.exit, 0) << ended.err;
    return Json::parse(ended.out, nullptr, false);
  }
};

const std::vector<std::string> kServed{"estimate", "--chip", "h200",    "--model", "llama-3.1-70b",
                                       "--tp",     "4",      "--batch", "64"};

std::vector<std::string> plus(std::vector<std::string> words,
                              const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST_F(Estimate, says_expected_values_bounds_operators_and_definitions) {
  const auto ended = run(kServed);
  EXPECT_EQ(ended.exit, 0) << ended.err;
  EXPECT_EQ(ended.err, "");
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("TTFT"), HasSubstr("TPOT"), HasSubstr("bound"), HasSubstr("J/tok"),
                    HasSubstr("ffn_gate_up"), HasSubstr("Definitions:"), HasSubstr("goodput")));
}

TEST_F(Estimate, json_carries_schema_digest_and_units) {
  const Json json = this->json(kServed);
  EXPECT_EQ(json["schema"], "churon.estimate");
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["chip"], "h200");
  EXPECT_EQ(json["chip_digest"].get<std::string>().size(), 64U);
  EXPECT_GT(json["tpot_s"].get<double>(), json["tpot_bound_s"].get<double>());
  EXPECT_GT(json["ttft_s"].get<double>(), json["ttft_bound_s"].get<double>());
  EXPECT_GT(json["energy_per_token_j"].get<double>(), 0);
  EXPECT_NEAR(json["output_tokens_per_s"].get<double>(),
              4 * json["output_tokens_per_s_per_chip"].get<double>(), 1e-6);
  double limits = 0;
  for (const auto& [name, seconds] : json["limits"].items()) {
    limits += seconds.get<double>();
  }
  EXPECT_NEAR(limits, json["tpot_s"].get<double>(), 1e-9);
  EXPECT_TRUE(json["definitions"].contains("tpot"));
}

TEST_F(Estimate, disaggregation_shows_the_chips_that_prefill_and_the_cache_that_is_sent) {
  const auto ended = run(plus(kServed, {"--disaggregated", "--input", "8192"}));
  EXPECT_THAT(ended.out, AllOf(HasSubstr("x H200-SXM"), HasSubstr("prefill on "),
                               HasSubstr("cache sent over")));
  const Json json = this->json(plus(kServed, {"--disaggregated", "--input", "8192"}));
  EXPECT_GT(json["ttft_parts"]["transfer_s"].get<double>(), 0);
  EXPECT_NEAR(json["chip_count"].get<double>(), 4 + json["prefill_chip_count"].get<double>(), 1e-9);
  double parts = 0;
  for (const auto& [name, seconds] : json["ttft_parts"].items()) {
    parts += seconds.get<double>();
  }
  EXPECT_NEAR(parts, json["ttft_s"].get<double>(), 1e-9);
}

TEST_F(Estimate, a_sweep_defines_its_words) {
  EXPECT_THAT(run(plus(kServed, {"--sweep", "tp=4,8"})).out,
              AllOf(HasSubstr("TTFT  "), HasSubstr("ITL"), HasSubstr("goodput")));
  EXPECT_TRUE(json(plus(kServed, {"--sweep", "tp=4,8"}))["definitions"].contains("tpot"));
}

// What is swept has no one value.
TEST_F(Estimate, the_head_of_a_sweep_states_what_its_rows_share) {
  const auto head = [&](const std::string& sweep) {
    return json(plus(kServed, {"--pp", "2", "--sweep", sweep}));
  };
  const Json batches = head("batch=1,8");
  EXPECT_FALSE(batches.contains("concurrency"));
  EXPECT_EQ(batches["input_tokens"], 1024);
  EXPECT_EQ(batches["parallelism"], json(plus(kServed, {"--pp", "2"}))["parallelism"]);
  const Json ranks = head("tp=4,8");
  EXPECT_TRUE(ranks.contains("concurrency"));
  EXPECT_EQ(ranks["parallelism"], "pp2");
}

TEST_F(Estimate, sweeps_double_add_and_list) {
  const auto values = [&](const std::string& sweep) {
    std::vector<double> result;
    const Json document = json(plus(kServed, {"--sweep", sweep}));
    for (const Json& row : document["rows"]) {
      result.push_back(row["value"].get<double>());
    }
    return result;
  };
  EXPECT_THAT(values("batch=1..512"), testing::ElementsAre(1, 2, 4, 8, 16, 32, 64, 128, 256, 512));
  EXPECT_THAT(values("batch=1..9:3"), testing::ElementsAre(1, 4, 7, 9));
  EXPECT_THAT(values("tp=4,8"), testing::ElementsAre(4, 8));
}

// A row that breaks a rule says so; the others are there.
TEST_F(Estimate, a_sweep_goes_on_behind_a_row_that_breaks_a_rule) {
  const auto ended = run(plus(kServed, {"--sweep", "tp=3..8:1"}));
  EXPECT_EQ(ended.exit, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("heads"));
  EXPECT_THAT(ended.out, HasSubstr("\n 8  "));
}

TEST_F(Estimate, explains_with_formulas_and_sources) {
  const auto tree = run(plus(kServed, {"--explain"}));
  EXPECT_EQ(tree.exit, 0) << tree.err;
  EXPECT_THAT(tree.out, AllOf(HasSubstr("tpot"), HasSubstr("chips/h200.toml:"),
                              HasSubstr("NVIDIA H200 data sheet"), HasSubstr("kernels_gemm.csv")));
  const auto part = run(plus(kServed, {"--explain", "tpot.decode"}));
  EXPECT_THAT(part.out, AllOf(HasSubstr("decode"), Not(HasSubstr("ttft"))));
  const auto op = run({"estimate", "--chip", "churon-1", "--op", "gemm", "--m", "64", "--explain"});
  EXPECT_THAT(op.out, AllOf(HasSubstr("2 m n k"), HasSubstr("derate set neutral")));
}

// The term of a key among those of a tree; null: none.
Json term_of(const Json& tree, std::string_view key) {
  if (tree["key"] == key) {
    return tree;
  }
  for (const Json& child : tree.value("terms", Json::array())) {
    if (Json found = term_of(child, key); !found.is_null()) {
      return found;
    }
  }
  return nullptr;
}

TEST_F(Estimate, explains_every_number_that_it_prints) {
  for (const char* chip : {"h200", "churon-1"}) {
    const std::vector<std::string> asked{"estimate", "--chip",  chip, "--model", "qwen3-8b", "--tp",
                                         "2",        "--batch", "16", "--input", "777"};
    const Json json = this->json(asked);
    const Json tree = this->json(plus(asked, {"--explain"}))["term"];
    for (const auto& [key, value] :
         std::vector<std::pair<const char*, Json>>{{"throughput", json["output_tokens_per_s"]},
                                                   {"tpot", json["tpot_s"]},
                                                   {"tpot_bound", json["tpot_bound_s"]},
                                                   {"ttft", json["ttft_s"]},
                                                   {"ttft_bound", json["ttft_bound_s"]},
                                                   {"itl", json["itl_s"]},
                                                   {"power", json["power_w"]},
                                                   {"energy", json["energy_per_token_j"]},
                                                   {"weights", json["weights_per_chip_bytes"]},
                                                   {"kv", json["kv_per_token_and_chip_bytes"]},
                                                   {"requests", json["fitting"]},
                                                   {"context", json["usable_context_tokens"]}}) {
      const Json term = term_of(tree, key);
      ASSERT_FALSE(term.is_null()) << key;
      EXPECT_EQ(term["value"], value) << key;
      EXPECT_TRUE(term.contains("formula")) << key;
    }
    for (const auto& [key, band] : std::vector<std::pair<const char*, Json>>{
             {"tpot_band", json["tpot_s_band"]},
             {"ttft_band", json["ttft_s_band"]},
             {"throughput_band", json["output_tokens_per_s_band"]},
             {"energy_band", json["energy_per_token_j_band"]}}) {
      const Json term = term_of(tree, key);
      ASSERT_FALSE(term.is_null()) << key;
      EXPECT_EQ(term["text"], band["source"]) << key;
      EXPECT_EQ(term_of(term, "p10")["value"], band["p10"]) << key;
      EXPECT_EQ(term_of(term, "p90")["value"], band["p90"]) << key;
    }
  }
}

TEST_F(Estimate, explains_the_bound_of_each_operator_by_its_own_rule) {
  const auto bound = [&](const std::vector<std::string>& op) {
    const auto ended = run(plus({"estimate", "--chip", "h100"}, plus(op, {"--explain", "bound"})));
    EXPECT_EQ(ended.exit, 0) << ended.err;
    return ended.out;
  };
  // 8192 x 8192 weights of a byte at 3.35 TB/s; 1.5 MB of activations stay in 50 MB of cache.
  EXPECT_THAT(bound({"--op", "gemm", "--m", "64", "--n", "8192", "--k", "8192"}),
              AllOf(HasSubstr("20.0 µs"), HasSubstr("activations beyond the cache")));
  EXPECT_THAT(bound({"--op", "allreduce"}), HasSubstr("a switch that sums halves"));
  EXPECT_THAT(bound({"--op", "moe"}), HasSubstr("whatever the routing"));
}

TEST_F(Estimate, names_the_peak_that_a_format_without_its_own_uses) {
  const std::vector<std::string> op{"--op", "gemm", "--m", "4096", "--format", "nvfp4"};
  EXPECT_THAT(run(plus({"estimate", "--chip", "h100"}, op)).out, HasSubstr("of the bf16 peak"));
  EXPECT_THAT(run(plus({"estimate", "--chip", "b200"}, op)).out, HasSubstr("of the fp4 peak"));
}

TEST_F(Estimate, says_how_many_run_and_wait_and_how_long_those_that_run_may_be) {
  const std::vector<std::string> asked{"estimate", "--chip", "h200",    "--model", "llama-3.1-70b",
                                       "--tp",     "4",      "--batch", "100000"};
  const Json json = this->json(asked);
  const double running = json["running"].get<double>();
  EXPECT_LT(running, 100000);
  // Not the context of all that wait as well.
  EXPECT_GE(json["usable_context_tokens"].get<double>() * running,
            json["fitting"].get<double>() * 2048 * 0.95);
  EXPECT_THAT(run(asked).out, HasSubstr(fmt::format("; {:.0f} run, the other {:.0f} wait", running,
                                                    100000 - running)));
}

TEST_F(Estimate, prices_each_kind_of_operator) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"--op", "gemm", "--m", "64", "--n", "8192", "--k", "8192", "--format", "fp8"},
           {"--op", "attention", "--batch", "32", "--context", "4096", "--kv", "fp8"},
           {"--op", "attention", "--prefill", "--context", "2048"},
           {"--op", "allreduce", "--bytes", "1048576", "--ranks", "8"},
           {"--op", "moe", "--tokens", "256", "--experts", "128", "--per-token", "8", "--ep",
            "8"}}) {
    for (const char* chip : {"h100", "churon-1"}) {
      const Json json = this->json(plus({"estimate", "--chip", chip}, words));
      EXPECT_GT(json["time_s"].get<double>(), 0) << words[1];
      EXPECT_GE(json["time_s"].get<double>(), json["bound_s"].get<double>()) << words[1];
    }
  }
}

TEST_F(Estimate, draws_a_roofline_here_and_as_a_picture) {
  const std::string path = folder.path("roof.svg");
  const auto ended = run(plus(kServed, {"--roofline", "--svg", path}));
  EXPECT_EQ(ended.exit, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("operations per byte of memory"));
  const std::string svg = read_file(path, 1 << 20).value();
  EXPECT_THAT(svg, AllOf(HasSubstr("<svg"), HasSubstr("ffn_gate_up"), HasSubstr("</svg>")));
}

TEST_F(Estimate, reads_a_config_of_the_hub) {
  const std::string path = folder.write(
      "config.json",
      R"({"model_type":"llama","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,
          "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":128256,
          "max_position_embeddings":8192,"rms_norm_eps":1e-5,"tie_word_embeddings":false})");
  const Json json = this->json({"estimate", "--chip", "h100", "--model", path, "--batch", "8"});
  EXPECT_GT(json["tpot_s"].get<double>(), 1e-3);
}

const std::vector<std::string> kCompared{"compare",
                                         "--models",
                                         "llama-3.1-70b",
                                         "--workload",
                                         "1k/1k",
                                         "--chips",
                                         "h200,b200,inferentia2,churon-1"};

TEST_F(Estimate, compare_shows_an_own_chip_at_each_derate_set_and_a_verdict) {
  const auto ended = run(kCompared);
  EXPECT_EQ(ended.exit, 0) << ended.err;
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("churon-1 neutral"), HasSubstr("churon-1 year1"),
                    HasSubstr("churon-1 target"), HasSubstr("of the chips one can buy"),
                    HasSubstr("tok/s/chip"), HasSubstr("/MW"), HasSubstr("Definitions:")));
}

TEST_F(Estimate, compare_sorts_by_throughput_per_chip) {
  const Json json = this->json(kCompared);
  EXPECT_EQ(json["schema"], "churon.compare");
  double last = INFINITY;
  for (const Json& row : json["comparisons"][0]["rows"]) {
    if (row["feasible"].get<bool>()) {
      EXPECT_LE(row["output_tokens_per_s_per_chip"].get<double>(), last);
      last = row["output_tokens_per_s_per_chip"].get<double>();
      EXPECT_LE(row["tpot_s"].get<double>(), 0.02);
    } else {
      EXPECT_TRUE(row["error"].contains("reason"));
    }
  }
}

// The command that a row names gives the row's numbers.
TEST_F(Estimate, compare_names_the_estimate_behind_each_row) {
  const Json json = this->json(kCompared);
  const Json& row = json["comparisons"][0]["rows"][0];
  const auto command = row["estimate_command"].get<std::string>();
  std::vector<std::string> words;
  for (const std::string_view word : split(command, ' ')) {
    words.emplace_back(word);
  }
  if (words.front() == "churon") {
    words.erase(words.begin());
  }
  const Json estimate = this->json(words);
  EXPECT_NEAR(estimate["tpot_s"].get<double>(), row["tpot_s"].get<double>(), 1e-9);
  EXPECT_NEAR(estimate["output_tokens_per_s_per_chip"].get<double>(),
              row["output_tokens_per_s_per_chip"].get<double>(), 1e-6);
}

// … also where --set changed the chip and where it stands in a file of the user's.
TEST_F(Estimate, compare_names_settings_and_files_in_that_command) {
  const std::string path =
      folder.write("my b200.toml",
                   "schema = 1\ninherit = \"b200\"\nname = \"Mine\"\n[power]\ntdp = \"900 W\"\n");
  const Json rows = this->json({"compare", "--models", "llama-3.1-8b", "--workload", "1k/1k",
                                "--chips", path + ",churon-1", "--set",
                                "memory.hbm.pin_rate=8.0 Gb/s"})["comparisons"][0]["rows"];
  ASSERT_EQ(rows.size(), 4U);
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  for (const Json& row : rows) {
    const auto command = row["estimate_command"].get<std::string>();
    const bool is_own = row["own"].get<bool>();
    EXPECT_EQ(has(command, "--set 'memory.hbm.pin_rate="), is_own) << command;
    EXPECT_EQ(has(command, "--chip '" + path + "'"), !is_own) << command;
    const std::string shell =
        std::string(CHURON_BINARY) + command.substr(command.find(' ')) + " --json";
    const Json estimate = Json::parse(
        test::run_program({"/bin/sh", "-c", shell}, {{"CHURON_DATA", CHURON_SOURCE_DIR}}).out);
    EXPECT_NEAR(estimate["tpot_s"].get<double>(), row["tpot_s"].get<double>(), 1e-9) << command;
  }
}

// … and where the model is a file, which the shell must not read as two words.
TEST_F(Estimate, compare_names_the_file_of_a_model_in_that_command) {
  const std::string path =
      folder.write("my config.json",
                   R"({"model_type": "llama", "hidden_size": 2048, "num_hidden_layers": 16,
          "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 8192,
          "vocab_size": 128256, "max_position_embeddings": 131072})");
  const Json row = this->json({"compare", "--models", path, "--workload", "1k/1k", "--chips",
                               "h200"})["comparisons"][0]["rows"][0];
  const auto command = row["estimate_command"].get<std::string>();
  EXPECT_NE(command.find("--model '" + path + "'"), std::string::npos) << command;
  const std::string shell =
      std::string(CHURON_BINARY) + command.substr(command.find(' ')) + " --json";
  const auto ended =
      test::run_program({"/bin/sh", "-c", shell}, {{"CHURON_DATA", CHURON_SOURCE_DIR}});
  ASSERT_EQ(ended.exit, 0) << ended.err;
  EXPECT_NEAR(Json::parse(ended.out)["tpot_s"].get<double>(), row["tpot_s"].get<double>(), 1e-9);
}

TEST_F(Estimate, a_copy_over_two_domains_says_so_and_why_it_takes_as_long) {
  const std::vector<std::string> asked{"estimate",    "--chip",  "h100", "--model",
                                       "deepseek-v3", "--tp",    "8",    "--pp",
                                       "2",           "--batch", "64"};
  const Json json = this->json(asked);
  EXPECT_EQ(json["domain_count"], 2);
  EXPECT_LT(json["tpot_bound_s"].get<double>(), json["tpot_s"].get<double>());
  EXPECT_THAT(run(asked).out, HasSubstr("scale-up domains  2"));
  EXPECT_THAT(run(plus(asked, {"--explain", "stage_send_across"})).out,
              AllOf(HasSubstr("across"), HasSubstr("sent by a rank to other domains")));
  const auto sum = run({"estimate", "--chip", "h100", "--op", "allreduce", "--ranks", "16",
                        "--bytes", "1000000", "--explain"});
  EXPECT_THAT(sum.out,
              AllOf(HasSubstr("scaleout_rate"), HasSubstr("DGX BasePOD"), HasSubstr("50.0 GB/s"),
                    HasSubstr("NCCL src/graph/tuning.cc"), HasSubstr("bound")));
}

TEST_F(Estimate, disaggregated_rows_show_the_cache_that_is_sent_and_its_link) {
  const std::vector<std::string> asked{"compare", "--models",       "llama-3.1-70b", "--workload",
                                       "8k/1k",   "--chips",        "h200,gb200",    "--slo-tpot",
                                       "30ms",    "--disaggregated"};
  const Json rows = this->json(asked)["comparisons"][0]["rows"];
  ASSERT_EQ(rows.size(), 2U);
  for (const Json& row : rows) {
    const Json& transfer = row["kv_transfer"];
    // 80 layers, keys and values of 8 heads of 128 in 8 bits, over the chips of a copy.
    const Json& degrees = row["parallelism_degrees"];
    const double ranks = degrees["tp"].get<double>() * degrees["pp"].get<double>();
    EXPECT_NEAR(transfer["per_chip_bytes"].get<double>(), 80 * 2 * 8 * 128 * 8192.0 / ranks, 1);
    const double chips = row["chip_count"].get<double>() + row["prefill_chip_count"].get<double>();
    EXPECT_EQ(transfer["link"],
              chips > row["domain_chip_count"].get<double>() ? "scale-out" : "scale-up");
    EXPECT_GE(transfer["time_s"].get<double>(), transfer["per_chip_bytes"].get<double>() /
                                                    transfer["link_bytes_per_s"].get<double>());
  }
  EXPECT_THAT(run(asked).out, AllOf(HasSubstr("cache sent over"), HasSubstr("scale-up link")));
  const auto why = run({"estimate", "--chip", "h200", "--model", "llama-3.1-70b", "--tp", "4",
                        "--batch", "256", "--input", "8192", "--disaggregated", "--explain"});
  EXPECT_THAT(why.out, AllOf(HasSubstr("limited by the scale-out link"),
                             HasSubstr("scaleout_rate of the chip"), HasSubstr("50.0 GB/s")));
  const Json together = this->json(
      {"compare", "--models", "llama-3.1-70b", "--workload", "8k/1k", "--chips", "h200"});
  EXPECT_TRUE(together["comparisons"][0]["rows"][0]["kv_transfer"].is_null());
}

TEST_F(Estimate, compare_answers_once_for_names_of_one_thing) {
  const Json json = this->json({"compare", "--models", "llama-3.1-8b,Llama-3.1-8B-Instruct",
                                "--workload", "1k/1k,1024/1024", "--chips", "h200,H200-SXM"});
  ASSERT_EQ(json["comparisons"].size(), 1U);
  EXPECT_EQ(json["comparisons"][0]["rows"].size(), 1U);
}

TEST_F(Estimate, compare_all_lists_what_is_left_out) {
  const auto ended = run({"compare", "--models", "llama-3.1-8b", "--workload", "1k/1k"});
  EXPECT_EQ(ended.exit, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("Left out:"), HasSubstr("inferentia2: ")));
}

TEST_F(Estimate, compare_draws_fronts) {
  const std::string path = folder.path("fronts.svg");
  const auto ended = run(plus(kCompared, {"--svg", path}));
  EXPECT_EQ(ended.exit, 0) << ended.err;
  const std::string svg = read_file(path, 1 << 20).value();
  EXPECT_THAT(svg, AllOf(HasSubstr("interactivity"), HasSubstr("churon-1 target"),
                         HasSubstr("h200"), HasSubstr("</svg>")));
}

// Each line is a command line; what it prints to standard error and its exit code stand below it.
TEST_F(Estimate, mistakes_are_answered_with_the_rule_they_break) {
  const std::vector<std::string> lines{
      "estimate",
      "estimate --model llama-3.1-70b --op gemm",
      "estimate --chip h200 --model llama-3.1-70b",
      "estimate --chip h200 --model llama-3.1-8b --tp 3",
      "estimate --chip h200 --model llama-3.1-8b --tp 0.5",
      "estimate --chip h200 --model llama-3.1-8b --ep 2",
      "estimate --chip h200 --model llama-3.1-8b --tp 32 --pp 65536 --attn-dp 65536",
      "estimate --chip l40s --model llama-3.1-8b --tp 16",
      "estimate --chip l40s --model llama-3.1-8b --tp 4 --batch 64 --input 8192 --disaggregated",
      "estimate --chip h200 --model llama-3.1-8b --batch 1000000000",
      "estimate --chip h200 --model llama-3.1-8b --batch 0 --output 1e9",
      "estimate --chip h200 --model llama-3.1-8b --batch 1.5 --input nan",
      "estimate --chip h200 --model llama-3.1-8b --input 200000",
      "estimate --chip h200 --model llama-3.1-8b --output 0",
      "estimate --chip h200 --model llama-3.1-8b --prefix-hit 1.5",
      "estimate --chip h200 --model llama-3.1-8b --prefix-hit nan",
      "estimate --chip h200 --model llama-3.1-8b --m 64 --experts 8",
      "estimate --chip h200 --op gemm --tp 2",
      "estimate --chip h200 --chip h100 --op gemm",
      "estimate --chip h200 --model llama-3.1-405b --tp 1",
      "estimate --chip h200 --model llama-3.1-70b --input 100000 --output 8192 --weights bf16",
      "estimate --chip h200 --model llama-3.1-8b --weights fp9",
      "estimate --chip h200 --model llama-3.1-8b --sweep speed=1..8",
      "estimate --chip h200 --model llama-3.1-8b --sweep batch=8..1",
      "estimate --chip h200 --model llama-3.1-8b --sweep batch=1..1000000:1",
      "estimate --chip h200 --op gemm --sweep context=1..8",
      "estimate --chip h200 --model llama-3.1-8b --sweep batch=1..8 --roofline",
      "estimate --chip h200 --model llama-3.1-8b --explain speed",
      "estimate --chip h200 --model lama-3.1-8b",
      "estimate --chip h300 --model llama-3.1-8b",
      "estimate --chip tpu --model llama-3.1",
      "estimate --chip churon-1 --derate best --op gemm",
      "estimate --chip h200 --op gemm --m 0 --n 1.5",
      "estimate --chip h200 --op attention --heads 8 --kv-heads 3",
      "estimate --chip l40s --op allreduce --ranks 9",
      "estimate --chip h200 --op allreduce --ranks 100000",
      "estimate --chip h200 --op allreduce --ranks 1",
      "estimate --chip h200 --op moe --experts 100 --ep 8",
      "compare --models llama-3.1-8b --workload 1k",
      "compare --models llama-3.1-8b --workload 0/1k",
      "compare --models llama-3.1-8b --workload 1k/99999999999",
      "compare --models llama-3.1-8b --slo-tpot 20",
      "compare --models llama-3.1-8b --slo-tpot 0ms",
      "compare --models llama-3.1-8b --slo-ttft -2s",
      "compare --models llama-3.1-8b --slo-ttft 1e30s",
      "compare --models llama-3.1-8b --prefix-hit 1.5",
      "compare --models llama-3.1-8b --chips ,",
      "compare --models , --chips h200",
      "compare --models llama-3.1-8b --chips h200,h300,b2000",
      "compare --models llama-3.1-8b --chips h200 --workload 1k/1k --slo-tpot 1us",
  };
  std::string text;
  for (const std::string& line : lines) {
    std::vector<std::string> words;
    for (const std::string_view word : split(line, ' ')) {
      words.emplace_back(word);
    }
    const auto ended = run(words);
    text += "$ churon " + line + "\n" + ended.err + "exit " + std::to_string(ended.exit) + "\n\n";
  }
  golden::compare(text, CHURON_SOURCE_DIR "/tests/golden/errors/estimate.txt");
}

}  // namespace
}  // namespace churon
