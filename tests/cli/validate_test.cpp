// `churon validate` as a user meets it, on tables that the test writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/csv.h"
#include "base/file.h"
#include "base/json.h"
#include "program.h"

namespace churon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kTable =
    "grade,source,date,chip,chips_count,parallelism,framework,model,weight_dtype,kv_dtype,"
    "input_len,output_len,batch,metric,value,unit,note\n"
    "A,s,2025,H100-SXM,1,,trtllm 1.3,gemm,bfloat16,,,,1,kernel_time,16.56,us,m=1;n=4096;k=4096\n"
    "A,s,2025,H100-SXM,1,,trtllm 1.3,gemm,bfloat16,,,,8,kernel_time,16.41,us,m=8;n=4096;k=4096\n"
    "A,s,2025,H200,8,tp8,vllm,meta-llama/Llama-3.1-70B,fp8,,1024,1024,8,TPOT,9,ms,\n"
    "C,s,2025,H200,8,tp8,vllm,meta-llama/Llama-3.1-70B,fp8,,1024,1024,8,TTFT,90,ms,odd\n";
constexpr const char* kWrong =
    "A,s,2025,H100-XYZ,1,tp1,vllm,Qwen3-8B,bf16,,1,1,1,TPOT,9,ms,\n"
    "A,s,2025,H100,1,tp1,vllm,Qwen3-8B,bf16,,1,1,1,TPOT,fast,ms,\n";

struct Validate : testing::Test {
  test::TemporaryFolder folder;
  test::Ended run(std::vector<std::string> words) {
    words.insert(words.begin(), {CHURON_BINARY, "validate"});
    return test::run_program(
        words, {{"CHURON_DATA", CHURON_SOURCE_DIR}, {"XDG_CONFIG_HOME", folder.path("config")}});
  }
};

TEST_F(Validate, prints_a_table_and_the_worst_rows) {
  const auto ended = run({folder.write("t.csv", kTable)});
  EXPECT_EQ(ended.exit, 0) << ended.err;
  EXPECT_EQ(ended.err, "");
  EXPECT_THAT(ended.out, HasSubstr("4 rows in 1 file, 4 predicted with the shipped parameters"));
  EXPECT_THAT(ended.out, HasSubstr("GEMM kernel time"));
  EXPECT_THAT(ended.out, HasSubstr("TPOT, dense serving"));
  EXPECT_THAT(ended.out, Not(HasSubstr("TTFT, median error")));  // grade C is not scored
  EXPECT_THAT(ended.out, HasSubstr("t.csv:4"));
}

TEST_F(Validate, names_what_is_wrong_and_scores_the_rest) {
  const std::string path = folder.write("t.csv", std::string(kTable) + kWrong);
  const auto lenient = run({path});
  EXPECT_EQ(lenient.exit, 0);
  EXPECT_THAT(lenient.err, HasSubstr("warning[V0106]: there is no chip `H100-XYZ`"));
  EXPECT_THAT(lenient.err, HasSubstr("t.csv:7:52"));
  EXPECT_THAT(lenient.out, HasSubstr("5 rows in 1 file, 4 predicted"));
  EXPECT_THAT(lenient.out, HasSubstr("1 row without a usable number left out"));
  const auto strict = run({path, "--strict"});
  EXPECT_EQ(strict.exit, 1);
  EXPECT_THAT(strict.err, HasSubstr("error[V0104]"));
  EXPECT_EQ(strict.out, lenient.out);
}

TEST_F(Validate, writes_the_fields_that_scripts_read) {
  const auto ended = run({folder.write("t.csv", kTable), "--json"});
  ASSERT_EQ(ended.exit, 0) << ended.err;
  const Json json = Json::parse(ended.out);
  EXPECT_EQ(json["schema"], "churon.validate");
  ASSERT_EQ(json["files"].size(), 3U);
  std::vector<std::string> keys;
  for (const auto& [key, value] : json["files"][0].items()) {
    keys.push_back(key);
  }
  EXPECT_THAT(keys, ElementsAre("file", "metric", "grade", "rows", "predicted_rows", "groups",
                                "macro_mape", "mean_ape", "median_ape", "bias", "within_20"));
  EXPECT_EQ(json["files"][0]["rows"], 2);
  EXPECT_GT(json["files"][0]["macro_mape"], 0);
  EXPECT_LT(json["files"][0]["macro_mape"], 1);
  EXPECT_EQ(json["groups"].size(), 3U);
  EXPECT_EQ(json["groups"][0]["group"], "H100-SXM | gemm | TensorRT-LLM | bf16 | -");
  EXPECT_TRUE(json["choice_regret"].is_null());
}

TEST_F(Validate, says_where_a_row_that_it_cannot_predict_stands) {
  const auto ended = run({folder.write(
      "t.csv", std::string(kTable) +
                   "A,s,2025,H200,8,tp8,vllm,Llama-3.1-70B,fp8,,1024,1024,1e9,TPOT,9,ms,\n"
                   "A,s,2025,H200,8,tp8,vllm,Llama-3.1-70B,fp8,,1024,1024,1e9,TPOT,8,ms,\n")});
  EXPECT_THAT(ended.out, HasSubstr("   2  t.csv:6  no such load: 1000000000 requests"));
  EXPECT_EQ(ended.exit, 0);
  const auto strict = run({folder.path("t.csv"), "--strict"});
  EXPECT_EQ(strict.exit, 1);
  EXPECT_THAT(strict.err, HasSubstr("V0204]: 2 of the 5 rows that count cannot be predicted"));
  EXPECT_EQ(run({folder.write("good.csv", kTable), "--strict"}).exit, 0);
}

TEST_F(Validate, tells_tables_of_one_name_apart) {
  std::filesystem::create_directories(folder.path("a"));
  std::filesystem::create_directories(folder.path("b"));
  const std::string first = folder.write("a/t.csv", kTable);
  const std::string second = folder.write("b/t.csv", kTable);
  const Json json = Json::parse(run({first, second, "--json"}).out);
  EXPECT_EQ(json["files"][0]["file"], first);
  EXPECT_EQ(json["files"][3]["file"], second);
}

TEST_F(Validate, writes_what_by_shows_for_scripts_as_well) {
  const std::string path = folder.write("t.csv", kTable);
  const Json json = Json::parse(run({path, "--by", "limit", "--json"}).out);
  ASSERT_EQ(json["by"].size(), 2U);
  EXPECT_EQ(json["by"][0]["figure"], "GEMM kernel time");
  EXPECT_EQ(json["by"][0]["limit"], "memory");
  EXPECT_EQ(json["by"][0]["rows"], 2);
  EXPECT_EQ(json["by"][0]["fit"], json["figures"][0]["fit"]);
  EXPECT_FALSE(Json::parse(run({path, "--json"}).out).contains("by"));
}

TEST_F(Validate, writes_one_line_a_row) {
  const auto ended = run({folder.write("t.csv", std::string(kTable) + kWrong), "--csv"});
  const CsvTable table = parse_csv(ended.out, "out.csv");
  EXPECT_TRUE(table.findings.empty());
  ASSERT_EQ(table.rows.size(), 5U);
  const auto cell = [&](std::size_t row, const char* column) {
    return table.rows[row].fields[static_cast<std::size_t>(table.column(column))].text;
  };
  EXPECT_EQ(cell(0, "measured"), "1.656e-05");
  EXPECT_NE(cell(0, "predicted"), "");
  EXPECT_THAT(cell(2, "assumptions"), HasSubstr("KV 16 bit: not stated"));
  EXPECT_THAT(cell(4, "reason"), HasSubstr("unknown chip"));
}

TEST_F(Validate, fits_and_tests_and_writes_the_parameters) {
  const auto ended =
      run({folder.write("t.csv", kTable), "--fit", "--data", folder.path(""), "--by", "chip"});
  ASSERT_EQ(ended.exit, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("parameters fitted to these rows"));
  const std::string fitted = *read_file(folder.path("efficiency.csv"), 1 << 20);
  EXPECT_THAT(fitted, HasSubstr("gemm,"));
  // Conventions stand as they were, with their sources.
  const std::string shipped = *read_file(CHURON_SOURCE_DIR "/data/efficiency.csv", 1 << 20);
  const std::size_t begin = shipped.find("network,");
  EXPECT_THAT(fitted, HasSubstr(shipped.substr(begin, shipped.find("elementwise,") - begin)));
  EXPECT_THAT(*read_file(folder.path("bands.csv"), 1 << 20), HasSubstr("scope,metric"));
  const auto again = run({folder.path("t.csv"), "--parameters", folder.path("efficiency.csv")});
  EXPECT_EQ(again.exit, 0) << again.err;
}

TEST_F(Validate, says_why_there_is_nothing_to_do) {
  const auto absent = run({folder.path("absent.csv")});
  EXPECT_EQ(absent.exit, 1);
  EXPECT_THAT(absent.err, HasSubstr("V0201"));
  EXPECT_EQ(run({folder.write("empty.csv", "")}).exit, 1);
  EXPECT_EQ(run({}).exit, 2);
  EXPECT_EQ(run({folder.write("t.csv", kTable), "--by", "colour"}).exit, 2);
  const auto page = run({folder.path("t.csv"), "--docs", folder.path("")});
  EXPECT_EQ(page.exit, 1);
  folder.write("validation.md", "nothing");
  EXPECT_THAT(run({folder.path("t.csv"), "--docs", folder.path("")}).err, HasSubstr("V0202"));
}

TEST_F(Validate, writes_the_page_and_its_pictures) {
  folder.write(
      "validation.md",
      "before\n<!-- validate: generated by make validate -->\nyesterday\n<!-- validate: end "
      "-->\nafter\n");
  ASSERT_EQ(run({folder.write("t.csv", kTable), "--docs", folder.path("")}).exit, 0);
  const std::string page = *read_file(folder.path("validation.md"), 1 << 20);
  EXPECT_THAT(page, testing::StartsWith("before\n"));
  EXPECT_THAT(page, testing::EndsWith("<!-- validate: end -->\nafter\n"));
  EXPECT_THAT(page, Not(HasSubstr("yesterday")));
  EXPECT_THAT(page, HasSubstr("validation/by-chip.svg"));
  EXPECT_THAT(*read_file(folder.path("validation/by-chip.svg"), 1 << 20), HasSubstr("</svg>"));
}

}  // namespace
}  // namespace churon
