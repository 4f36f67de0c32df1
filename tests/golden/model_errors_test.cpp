// Every error of a model's file, of its metadata and tensors, and of its conversion as a user reads
// it: errors/M.txt.
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <limits>

#include "gguf_writer.h"
#include "golden.h"
#include "model/model.h"
#include "model/quantize_file.h"

namespace churon::model {
namespace {

using numeric::TensorType;
using test::GgufWriter;

// One thing that is done to a file that is right.
struct Mistake {
  std::string_view what;
  std::function<void(GgufWriter&)> make;
};

GgufWriter small_file() {
  GgufWriter writer;
  writer.set("general.architecture", "llama");
  writer.set("count", std::uint32_t{7});
  writer.add_tensor("one", {33}, TensorType::f32, std::vector<float>(33, 1.0F));
  writer.add_tensor("two", {64, 3}, TensorType::q8_0, std::vector<float>(192, 2.0F));
  return writer;
}

void set_text_size(GgufWriter& writer, std::uint64_t size) {
  std::string bytes;
  test::append_number(bytes, size);
  writer.entries[0].value = bytes + "llama";
}

void nest_arrays(GgufWriter& writer, int depth) {
  std::string bytes;
  for (int i = 1; i < depth; ++i) {
    bytes += GgufWriter::array_head(MetadataType::array, 1);
  }
  writer.set_encoded("count", MetadataType::array,
                     bytes + GgufWriter::array_head(MetadataType::uint8, 0));
}

using W = GgufWriter;
const std::vector<Mistake> kFileMistakes = {
    {"a text longer than the file", [](W& w) { set_text_size(w, 1 << 20); }},
    {"another format", [](W& w) { w.magic = "PK\x03\x04"; }},
    {"version 1", [](W& w) { w.version = 1; }},
    {"big-endian", [](W& w) { w.version = 3U << 24; }},
    {"1,000 keys", [](W& w) { w.entry_count = 1000; }},
    {"a key without a name", [](W& w) { w.entries[1].key = ""; }},
    {"a tensor with a long name", [](W& w) { w.tensors[1].name = std::string(65, 't'); }},
    {"a key twice", [](W& w) { w.entries[1].key = w.entries[0].key; }},
    {"a tensor twice", [](W& w) { w.tensors[1].name = "one"; }},
    {"a value of type 13", [](W& w) { w.entries[1].type = 13; }},
    {"arrays five deep", [](W& w) { nest_arrays(w, 5); }},
    {"a boolean of 2", [](W& w) { w.set_number<std::uint8_t>("count", MetadataType::boolean, 2); }},
    {"alignment in 64 bits", [](W& w) { w.set("general.alignment", std::uint64_t{32}); }},
    {"alignment 24", [](W& w) { w.set("general.alignment", std::uint32_t{24}); }},
    {"five dimensions", [](W& w) { w.tensors[0].dims = {33, 1, 1, 1, 1}; }},
    {"a dimension of 0", [](W& w) { w.tensors[1].dims = {64, 0}; }},
    {"2^63 elements", [](W& w) { w.tensors[1].dims = {64, std::uint64_t{1} << 57}; }},
    {"2^64 bytes", [](W& w) { w.tensors[0].dims = {(std::uint64_t{1} << 63) - 1}; }},
    {"type Q2_K", [](W& w) { w.tensors[1].type = 10; }},
    {"rows of 48 in blocks of 32", [](W& w) { w.tensors[1].dims = {48, 4}; }},
    {"an offset of 161", [](W& w) { w.tensors[1].offset = 161; }},
    {"a tensor behind the end", [](W& w) { w.tensors[1].offset = 1 << 20; }},
    {"two tensors at one place", [](W& w) { w.tensors[1].offset = 0; }},
};

const std::vector<Mistake> kModelMistakes = {
    {"no architecture", [](W& w) { w.remove_entry("general.architecture"); }},
    {"layers as text", [](W& w) { w.set("llama.block_count", "two"); }},
    {"no layers", [](W& w) { w.set("llama.block_count", 0U); }},
    {"an unknown architecture", [](W& w) { w.set("general.architecture", "falcon"); }},
    {"four heads on three key-value heads",
     [](W& w) { w.set("llama.attention.head_count_kv", 3U); }},
    {"a vocabulary of another size", [](W& w) { w.set("llama.vocab_size", 300U); }},
    {"a layer more than there are tensors", [](W& w) { w.set("llama.block_count", 3U); }},
    {"another width", [](W& w) { w.set("llama.feed_forward_length", 128U); }},
    {"one of three files",
     [](W& w) { w.set_number<std::uint16_t>("split.count", MetadataType::uint16, 3); }},
    {"experts", [](W& w) { w.set("llama.expert_count", 8U); }},
    {"YaRN", [](W& w) { w.set("llama.rope.scaling.type", "yarn"); }},
    {"a tensor of another architecture",
     [](W& w) {
       w.add_tensor("blk.0.attn_q_norm.weight", {32}, TensorType::f32, std::vector<float>(32));
     }},
    {"a quantised norm",
     [](W& w) {
       w.remove_tensor("output_norm.weight");
       w.add_tensor("output_norm.weight", {64}, TensorType::q8_0, std::vector<float>(64, 1.0F));
     }},
};

struct ModelErrors : testing::Test {
  test::TemporaryFolder folder;
  golden::Errors errors;

  void add_files() {
    for (const Mistake& mistake : kFileMistakes) {
      GgufWriter writer = small_file();
      mistake.make(writer);
      errors.add(mistake.what, open_gguf(folder.write("m.gguf", writer.bytes())));
    }
    errors.add("a short file", open_gguf(folder.write("m.gguf", "GGUF")));
    // A sparse file of a terabyte with a text of half of it.
    GgufWriter writer = small_file();
    set_text_size(writer, std::uint64_t{1} << 39);
    const auto path = folder.write("m.gguf", writer.bytes());
    EXPECT_EQ(::truncate(path.c_str(), off_t{1} << 40), 0);
    errors.add("a header of half a terabyte", open_gguf(path));
  }
  void add_models() {
    for (const Mistake& mistake : kModelMistakes) {
      GgufWriter writer = test::tiny_model(Architecture::llama);
      mistake.make(writer);
      errors.add(mistake.what, load_model(folder.write("m.gguf", writer.bytes())));
    }
    GgufWriter writer = test::tiny_model(Architecture::llama);
    const float infinity = std::numeric_limits<float>::infinity();
    std::memcpy(writer.tensor("blk.1.attn_norm.weight").data.data() + 4 * 5, &infinity, 4);
    const auto model = load_model(folder.write("m.gguf", writer.bytes()));
    ASSERT_TRUE(model) << to_text(model.error());
    errors.add("a norm with an infinity", model->read_vector(TensorRole::attention_norm, 1));
  }
  void add_conversions() {
    GgufWriter writer =
        test::tiny_model(Architecture::llama, {.matrices = TensorType::f32, .layers = 1});
    const auto path = folder.write("m.gguf", writer.bytes());
    const auto input = open_gguf(path);
    ASSERT_TRUE(input) << to_text(input.error());
    const QuantizeOptions options{.type = TensorType::q8_0, .threads = 1};
    errors.add("quantised onto itself", quantize_file(*input, path, options));
    QuantizeOptions stopped = options;
    stopped.interrupted = [] { return true; };
    errors.add("quantising is stopped", quantize_file(*input, folder.path("out.gguf"), stopped));
    const float nan = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(writer.tensor("blk.0.ffn_up.weight").data.data() + 4 * 70, &nan, 4);
    const auto spoiled = open_gguf(folder.write("m.gguf", writer.bytes()));
    ASSERT_TRUE(spoiled) << to_text(spoiled.error());
    errors.add("a matrix with a NaN", quantize_file(*spoiled, folder.path("out.gguf"), options));
  }
};

TEST_F(ModelErrors, read_as_they_are_meant_to) {
  add_files();
  add_models();
  add_conversions();
  golden::compare(golden::replaced(errors.text(), folder.path(""), "FOLDER/"),
                  CHURON_SOURCE_DIR "/tests/golden/errors/M.txt");
}

}  // namespace
}  // namespace churon::model
