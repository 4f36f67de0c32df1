#include "model/quantize_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "gguf_writer.h"
#include "model/model.h"

namespace churon::model {
namespace {

using numeric::TensorType;
using ::testing::HasSubstr;

template <typename T>
std::string text(const Result<T>& result) {
  return result ? "" : to_text(result.error());
}

std::string contents(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

std::size_t files_in(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

// A tiny model of F32 matrices on disk, whose rows blocks of 256 divide or not.
struct Source {
  test::TemporaryFolder folder;
  test::GgufWriter writer;
  std::string path;
  explicit Source(std::uint64_t d_model = 256, std::uint64_t d_ff = 512)
      : writer(test::tiny_model(Architecture::qwen2, {.matrices = TensorType::f32,
                                                      .layers = 1,
                                                      .d_model = d_model,
                                                      .d_ff = d_ff,
                                                      .head_dim = 64})) {
    path = folder.write("in.gguf", writer.bytes());
  }
  GgufFile open() const { return std::move(*open_gguf(path)); }
  std::string out() const { return folder.path("out.gguf"); }
};

TEST(QuantizeFile, every_type_gives_a_model_that_loads_with_the_error_that_is_reported) {
  const Source source(256, 256);
  const GgufFile input = source.open();
  for (const auto& type : numeric::tensor_types()) {
    const auto report = quantize_file(input, source.out(), {.type = type.type});
    ASSERT_TRUE(report) << text(report);
    const auto model = load_model(source.out());
    ASSERT_TRUE(model) << type.name << text(model);
    EXPECT_EQ(report->bytes_before, input.size);
    EXPECT_EQ(report->bytes_after, model->file.size);
    EXPECT_TRUE(report->fallbacks.empty());
    EXPECT_EQ(model->tensor(TensorRole::query).type, type.type);
    EXPECT_EQ(model->tensor(TensorRole::query_bias).type, TensorType::f32);
    EXPECT_EQ(model->tensor(TensorRole::attention_norm).type, TensorType::f32);
    for (const TypeChange& change : report->changes) {
      if (change.to != TensorType::f32) {
        EXPECT_GT(change.signal_to_noise_db(), 15) << type.name;
        EXPECT_LT(change.bytes_after, change.bytes_before) << type.name;
      }
    }
  }
}

TEST(QuantizeFile, metadata_is_kept_but_for_what_says_how_it_was_quantised) {
  Source source;
  source.writer.set("general.file_type", std::uint32_t{0});
  source.writer.set("after", std::vector<float>{1, 2});
  source.path = source.folder.write("in.gguf", source.writer.bytes());
  const GgufFile input = source.open();
  ASSERT_TRUE(quantize_file(input, source.out(), {.type = TensorType::q4_k}));
  const auto output = open_gguf(source.out());
  ASSERT_TRUE(output) << text(output);
  const auto& before = input.metadata.entries();
  const auto& after = output->metadata.entries();
  ASSERT_EQ(after.size(), before.size() + 1);
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(after[i].key, before[i].key);
    EXPECT_EQ(after[i].type, before[i].type);
    EXPECT_EQ(after[i].count, before[i].count);
    if (before[i].key != "general.file_type") {
      EXPECT_TRUE(std::equal(after[i].bytes.begin(), after[i].bytes.end(), before[i].bytes.begin(),
                             before[i].bytes.end()));
    }
  }
  EXPECT_EQ(output->metadata.integer("general.file_type"), 14);
  EXPECT_EQ(output->metadata.integer("general.quantization_version"), 2);
}

TEST(QuantizeFile, rows_that_blocks_do_not_divide_fall_back_and_are_named) {
  const Source source(64, 96);
  const GgufFile input = source.open();
  const std::vector<std::pair<TensorType, TensorType>> pairs = {
      {TensorType::q4_k, TensorType::q5_0},
      {TensorType::q5_k, TensorType::q5_1},
      {TensorType::q6_k, TensorType::q8_0}};
  for (const auto& [wanted, used] : pairs) {
    const auto report = quantize_file(input, source.out(), {.type = wanted});
    ASSERT_TRUE(report) << text(report);
    const auto model = load_model(source.out());
    ASSERT_TRUE(model) << text(model);
    EXPECT_EQ(model->tensor(TensorRole::query).type, used);
    EXPECT_EQ(model->tensor(TensorRole::attention_output).type, wanted);  // 4 heads of 64
    ASSERT_FALSE(report->fallbacks.empty());
    EXPECT_EQ(report->fallbacks.front().tensor, "token_embd.weight");
    EXPECT_EQ(report->fallbacks.front().used, used);
  }
}

TEST(QuantizeFile, output_type_is_that_of_embedding_and_output) {
  const Source source;
  ASSERT_TRUE(quantize_file(source.open(), source.out(),
                            {.type = TensorType::q4_0, .output_type = TensorType::q6_k}));
  const auto model = load_model(source.out());
  ASSERT_TRUE(model) << text(model);
  EXPECT_EQ(model->tensor(TensorRole::token_embedding).type, TensorType::q6_k);
  EXPECT_EQ(model->tensor(TensorRole::gate).type, TensorType::q4_0);
}

TEST(QuantizeFile, the_same_type_copies_and_threads_do_not_matter) {
  const Source source;
  const auto one =
      quantize_file(source.open(), source.out(), {.type = TensorType::q4_1, .threads = 1});
  ASSERT_TRUE(one);
  const std::string bytes = contents(source.out());
  const auto three =
      quantize_file(source.open(), source.out(), {.type = TensorType::q4_1, .threads = 3});
  ASSERT_TRUE(three);
  EXPECT_EQ(contents(source.out()), bytes);
  ASSERT_EQ(one->changes.size(), three->changes.size());
  for (std::size_t i = 0; i < one->changes.size(); ++i) {
    EXPECT_EQ(one->changes[i].noise, three->changes[i].noise);
    EXPECT_EQ(one->changes[i].signal, three->changes[i].signal);
  }
  const std::string again = source.folder.path("again.gguf");
  const auto copied = quantize_file(*open_gguf(source.out()), again, {.type = TensorType::q4_1});
  ASSERT_TRUE(copied);
  EXPECT_EQ(contents(again), bytes);
  EXPECT_TRUE(copied->changes.front().exact());
}

TEST(QuantizeFile, tensors_of_more_than_one_chunk_are_whole) {
  Source source;
  const std::size_t rows = 9001;  // of 256: a little over a chunk of 2^21
  std::vector<float> values(rows * 256);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(static_cast<int>(i * 2654435761U % 255) - 127) / 127;
  }
  test::GgufWriter writer;
  writer.add_tensor("big.weight", {256, rows}, TensorType::f32, values);
  const std::string path = source.folder.write("big.gguf", writer.bytes());
  const GgufFile input = std::move(*open_gguf(path));
  ASSERT_TRUE(quantize_file(input, source.out(), {.type = TensorType::q8_0, .threads = 2}));
  const auto output = open_gguf(source.out());
  ASSERT_TRUE(output) << text(output);
  const TensorInfo& tensor = output->tensors.front();
  std::vector<std::byte> got(tensor.bytes);
  ASSERT_TRUE(output->read_tensor(tensor, got));
  std::vector<std::byte> wanted(tensor.bytes);
  numeric::quantize(TensorType::q8_0, values.data(), values.size(), wanted.data());
  EXPECT_TRUE(got == wanted);
}

TEST(QuantizeFile, the_input_is_never_overwritten) {
  const Source source;
  const GgufFile input = source.open();
  const std::string link = source.folder.path("link.gguf");
  std::filesystem::create_symlink(source.path, link);
  for (const std::string& path : {source.path, link}) {
    const auto report = quantize_file(input, path, {.type = TensorType::q8_0});
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().front().code, "M0501");
  }
  EXPECT_EQ(contents(source.path), source.writer.bytes());
}

TEST(QuantizeFile, what_fails_leaves_nothing_behind) {
  Source source;
  const std::string folder = std::filesystem::path(source.path).parent_path();
  const GgufFile input = source.open();

  int asked = 0;
  const auto interrupted = quantize_file(
      input, source.out(), {.type = TensorType::q8_0, .interrupted = [&] { return ++asked == 4; }});
  ASSERT_FALSE(interrupted);
  EXPECT_EQ(interrupted.error().front().exit, ExitCode::interrupted);
  EXPECT_EQ(files_in(folder), 1);

  const auto unwritable =
      quantize_file(input, source.folder.path("absent/out.gguf"), {.type = TensorType::q8_0});
  ASSERT_FALSE(unwritable);
  EXPECT_EQ(unwritable.error().front().code, "B0001");

  ASSERT_EQ(::truncate(source.path.c_str(), static_cast<off_t>(input.size - 1000)), 0);
  const auto cut = quantize_file(input, source.out(), {.type = TensorType::q8_0});
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().front().code, "B0003");
  EXPECT_EQ(files_in(folder), 1);

  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(source.writer.tensor("blk.0.ffn_up.weight").data.data() + 400, &nan, 4);
  source.folder.write("in.gguf", source.writer.bytes());
  const auto spoiled = quantize_file(source.open(), source.out(), {.type = TensorType::q8_0});
  ASSERT_FALSE(spoiled);
  EXPECT_EQ(spoiled.error().front().code, "M0408");
  EXPECT_THAT(text(spoiled), HasSubstr("blk.0.ffn_up.weight"));
  EXPECT_EQ(files_in(folder), 1);
}

}  // namespace
}  // namespace churon::model
