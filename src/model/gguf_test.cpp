#include "model/gguf.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "gguf_writer.h"

namespace churon::model {
namespace {

using test::GgufWriter;
using test::parse;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The first error's code, or "" where there is none.
template <typename T>
std::string code(const Result<T>& result) {
  return result ? "" : result.error().front().code;
}
template <typename T>
std::string text(const Result<T>& result) {
  return result ? "" : to_text(result.error());
}

GgufWriter small_file() {
  GgufWriter writer;
  writer.set("general.architecture", "llama");
  writer.set("count", std::uint32_t{7});
  writer.set("names", std::vector<std::string>{"a", "", "gamma"});
  writer.add_tensor("one", {33}, numeric::TensorType::f32, std::vector<float>(33, 1.0F));
  writer.add_tensor("two", {64, 3}, numeric::TensorType::q8_0, std::vector<float>(192, 2.0F));
  return writer;
}

TEST(Gguf, reads_what_the_writer_wrote_in_both_versions) {
  for (const std::uint32_t version : {2U, 3U}) {
    GgufWriter writer = small_file();
    writer.version = version;
    const auto file = parse(writer.bytes());
    ASSERT_TRUE(file) << text(file);
    EXPECT_EQ(file->version, version);
    EXPECT_EQ(file->data_offset % 32, 0);
    ASSERT_EQ(file->tensors.size(), 2);
    const TensorInfo* two = file->find_tensor("two");
    ASSERT_NE(two, nullptr);
    EXPECT_EQ(two->type, numeric::TensorType::q8_0);
    EXPECT_EQ(two->columns(), 64);
    EXPECT_EQ(two->rows(), 3);
    EXPECT_EQ(two->bytes, 3 * 2 * 34);
    EXPECT_EQ(two->row_bytes(), 2 * 34);
    EXPECT_EQ(two->offset, file->data_offset + 160);
    EXPECT_EQ(shape_text(*two), "64 x 3");
    EXPECT_EQ(file->find_tensor("three"), nullptr);
  }
}

TEST(Gguf, metadata_of_every_type_is_read) {
  GgufWriter writer;
  writer.set_number<std::uint8_t>("u8", MetadataType::uint8, 255);
  writer.set_number<std::int8_t>("i8", MetadataType::int8, -128);
  writer.set_number<std::uint16_t>("u16", MetadataType::uint16, 65535);
  writer.set_number<std::int16_t>("i16", MetadataType::int16, -32768);
  writer.set("u32", std::uint32_t{4294967295U});
  writer.set("i32", std::int32_t{-7});
  writer.set("f32", 0.5F);
  writer.set("yes", true);
  writer.set("text", "häh");
  writer.set_number<std::uint64_t>("u64", MetadataType::uint64, std::uint64_t{1} << 63);
  writer.set_number<std::int64_t>("i64", MetadataType::int64, -1);
  writer.set("f64", 1e300);
  writer.set("strings", std::vector<std::string>{"a", "", "gamma"});
  writer.set("floats", std::vector<float>{1, 2});
  writer.set("integers", std::vector<std::int32_t>{-1, 3});
  writer.set_numbers<std::uint8_t>("flags", MetadataType::boolean, {1, 0, 1});
  const auto file = parse(writer.bytes());
  ASSERT_TRUE(file) << text(file);
  const Metadata& metadata = file->metadata;
  EXPECT_EQ(metadata.integer("u8"), 255);
  EXPECT_EQ(metadata.integer("i8"), -128);
  EXPECT_EQ(metadata.integer("u16"), 65535);
  EXPECT_EQ(metadata.integer("i16"), -32768);
  EXPECT_EQ(metadata.integer("u32"), 4294967295);
  EXPECT_EQ(metadata.integer("i32"), -7);
  EXPECT_EQ(metadata.number("f32"), 0.5);
  EXPECT_EQ(metadata.number("i32"), -7.0);
  EXPECT_EQ(metadata.boolean("yes"), true);
  EXPECT_EQ(metadata.string("text"), "häh");
  EXPECT_EQ(metadata.integer("i64"), -1);
  EXPECT_EQ(metadata.number("f64"), 1e300);
  const auto strings = metadata.strings("strings");
  ASSERT_TRUE(strings);
  ASSERT_EQ(strings->size(), 3);
  EXPECT_EQ((*strings)[0], "a");
  EXPECT_EQ((*strings)[1], "");
  EXPECT_EQ((*strings)[2], "gamma");
  EXPECT_THAT(*metadata.floats("floats"), ElementsAre(1, 2));
  EXPECT_THAT(*metadata.integers("integers"), ElementsAre(-1, 3));
  EXPECT_THAT(*metadata.integers("flags"), ElementsAre(1, 0, 1));
  // An unsigned value of 2^63 fits no signed integer.
  EXPECT_EQ(code(metadata.integer("u64")), "M0303");
}

TEST(Gguf, getters_say_which_key_is_missing_or_wrong) {
  GgufWriter writer = small_file();
  writer.set("nan", std::numeric_limits<float>::quiet_NaN());
  const auto file = parse(writer.bytes());
  ASSERT_TRUE(file);
  const Metadata& metadata = file->metadata;
  EXPECT_EQ(code(metadata.string("absent")), "M0301");
  EXPECT_THAT(text(metadata.string("absent")), HasSubstr("absent"));
  EXPECT_EQ(code(metadata.string("count")), "M0302");
  EXPECT_THAT(text(metadata.string("count")), HasSubstr("key `count` is of type uint32"));
  EXPECT_EQ(code(metadata.integer("names")), "M0302");
  EXPECT_THAT(text(metadata.integer("names")), HasSubstr("array of string"));
  EXPECT_EQ(code(metadata.integer("count", 0, 6)), "M0303");
  EXPECT_THAT(text(metadata.integer("count", 0, 6)), HasSubstr("key `count` is 7; 0 to 6"));
  EXPECT_EQ(code(metadata.number("nan")), "M0303");
  EXPECT_EQ(code(metadata.strings("count")), "M0302");
  EXPECT_EQ(code(metadata.integers("names")), "M0302");
  EXPECT_EQ(code(metadata.floats("names")), "M0302");
  EXPECT_EQ(code(metadata.boolean("count")), "M0302");
  EXPECT_EQ(metadata.integer_or("absent", 5), 5);
  EXPECT_EQ(metadata.integer_or("count", 5), 7);
  EXPECT_EQ(code(metadata.integer_or("names", 5)), "M0302");
  EXPECT_EQ(metadata.string_or("absent", "x"), "x");
  EXPECT_EQ(metadata.boolean_or("absent", true), true);
  EXPECT_EQ(metadata.number_or("absent", 2.5), 2.5);
}

// One thing wrong at a time, the code of the error that must follow, and a word that it must say.
struct Fault {
  std::string name;
  std::function<void(GgufWriter&)> spoil;
  std::string code;
  std::string word;
};

constexpr std::uint64_t kHuge = std::uint64_t{1} << 63;

std::string string_bytes(std::uint64_t length, std::string_view characters) {
  std::string bytes;
  test::append_number(bytes, length);
  return bytes + std::string(characters);
}

std::string nested_arrays(int depth) {
  std::string bytes;
  for (int i = 1; i < depth; ++i) {
    bytes += GgufWriter::array_head(MetadataType::array, 1);
  }
  return bytes + GgufWriter::array_head(MetadataType::uint8, 0);
}

std::vector<Fault> faults() {
  using W = GgufWriter;
  std::vector<Fault> list = {
      {"magic", [](W& w) { w.magic = "GGML"; }, "M0103", "begins with `GGML`"},
      {"control characters in the magic", [](W& w) { w.magic = "\x1b[2J"; }, "M0103", "\\x1b[2J"},
      {"version 0", [](W& w) { w.version = 0; }, "M0104", "version 0"},
      {"version 1", [](W& w) { w.version = 1; }, "M0104", "version 1"},
      {"version 4", [](W& w) { w.version = 4; }, "M0104", "version 4"},
      {"big-endian", [](W& w) { w.version = 3U << 24; }, "M0104", "big-endian"},
      {"too few keys", [](W& w) { w.entry_count = 2; }, "", ""},
      {"too many keys", [](W& w) { w.entry_count = 1000; }, "M0105", "1000 keys"},
      {"too many tensors", [](W& w) { w.tensor_count = 1000; }, "M0105", "1000 tensors"},
      {"key without a name", [](W& w) { w.entries[1].key = ""; }, "M0106", "key 1"},
      {"key with a long name", [](W& w) { w.entries[1].key = std::string(65536, 'k'); }, "M0106",
       "65536"},
      {"key twice", [](W& w) { w.entries[1].key = w.entries[0].key; }, "M0107",
       "`general.architecture` stands twice"},
      {"unknown value type", [](W& w) { w.entries[1].type = 13; }, "M0108", "type 13"},
      {"huge value type", [](W& w) { w.entries[1].type = 0xFFFFFFFF; }, "M0108", "4294967295"},
      {"unknown element type",
       [](W& w) {
         w.set_encoded("names", MetadataType::array,
                       W::array_head(static_cast<MetadataType>(13), 0));
       },
       "M0108", "type 13"},
      {"arrays too deep",
       [](W& w) { w.set_encoded("names", MetadataType::array, nested_arrays(5)); }, "M0109",
       "4 deep"},
      {"boolean 2", [](W& w) { w.set_number<std::uint8_t>("count", MetadataType::boolean, 2); },
       "M0110", "boolean 2"},
      {"alignment of a wrong type", [](W& w) { w.set("general.alignment", std::uint64_t{32}); },
       "M0111", "uint64"},
      {"alignment 0", [](W& w) { w.set("general.alignment", std::uint32_t{0}); }, "M0111", "is 0"},
      {"alignment 24", [](W& w) { w.set("general.alignment", std::uint32_t{24}); }, "M0111",
       "is 24"},
      {"tensor without a name", [](W& w) { w.tensors[1].name = ""; }, "M0106", "tensor 1"},
      {"tensor with a long name", [](W& w) { w.tensors[1].name = std::string(65, 't'); }, "M0106",
       "65 bytes"},
      {"tensor twice", [](W& w) { w.tensors[1].name = "one"; }, "M0107", "`one` stands twice"},
      {"no dimension", [](W& w) { w.tensors[0].dims = {}; }, "M0201", "0 dimensions"},
      {"five dimensions", [](W& w) { w.tensors[0].dims = {33, 1, 1, 1, 1}; }, "M0201",
       "5 dimensions"},
      {"dimension 0", [](W& w) { w.tensors[1].dims = {64, 0}; }, "M0201", "dimension 1"},
      {"2^63 elements", [](W& w) { w.tensors[1].dims = {64, kHuge / 64}; }, "M0201", "2^63"},
      {"2^64 elements", [](W& w) { w.tensors[1].dims = {64, kHuge / 32}; }, "M0201", "2^63"},
      {"2^126 elements", [](W& w) { w.tensors[1].dims = {kHuge / 2, kHuge / 2, 4, 4}; }, "M0201",
       "2^63"},
      {"2^63 - 32 elements", [](W& w) { w.tensors[1].dims = {kHuge - 32}; }, "M0205", "outside"},
      {"2^63 bytes and more", [](W& w) { w.tensors[0].dims = {kHuge - 1}; }, "M0201", "2^64 bytes"},
      {"type that was removed", [](W& w) { w.tensors[1].type = 4; }, "M0202", "Q4_K"},
      {"type Q2_K", [](W& w) { w.tensors[1].type = 10; }, "M0202", "type 10"},
      {"huge type", [](W& w) { w.tensors[1].type = 0xFFFFFFFF; }, "M0202", "4294967295"},
      {"row not in blocks", [](W& w) { w.tensors[1].dims = {48, 4}; }, "M0203", "48"},
      {"offset not aligned", [](W& w) { w.tensors[1].offset = 161; }, "M0204", "161"},
      {"offset behind the file", [](W& w) { w.tensors[1].offset = 1 << 20; }, "M0205", "`two`"},
      {"offset near 2^63", [](W& w) { w.tensors[1].offset = kHuge; }, "M0205", "`two`"},
      {"offset near 2^64", [](W& w) { w.tensors[1].offset = ~std::uint64_t{0} - 31; }, "M0205",
       "`two`"},
      {"too many rows", [](W& w) { w.tensors[1].dims = {64, 5}; }, "M0205", "outside"},
      {"overlap", [](W& w) { w.tensors[1].offset = 0; }, "M0206", "`one` and `two` overlap"},
      {"overlap by one alignment", [](W& w) { w.tensors[1].offset = 128; }, "M0206", "overlap"},
  };
  for (const std::uint64_t length : {std::uint64_t{1} << 20, kHuge - 1, kHuge, ~std::uint64_t{0}}) {
    const std::string number = std::to_string(length);
    list.push_back({"text of " + number,
                    [=](W& w) { w.entries[0].value = string_bytes(length, "llama"); }, "M0101",
                    number});
    list.push_back({"string in an array of " + number,
                    [=](W& w) {
                      w.set_encoded("names", MetadataType::array,
                                    W::array_head(MetadataType::string, 2) + string_bytes(1, "a") +
                                        string_bytes(length, "b"));
                    },
                    "M0101", "`names`"});
    for (const auto element : {MetadataType::string, MetadataType::uint8, MetadataType::float64,
                               MetadataType::boolean, MetadataType::array}) {
      list.push_back({"array of " + number + " of " + std::string(name(element)),
                      [=](W& w) {
                        w.set_encoded("names", MetadataType::array, W::array_head(element, length));
                      },
                      "M0105", number});
    }
    list.push_back({number + " keys", [=](W& w) { w.entry_count = length; }, "M0105", number});
    list.push_back({number + " tensors", [=](W& w) { w.tensor_count = length; }, "M0105", number});
  }
  return list;
}

TEST(Gguf, each_field_that_is_wrong_gives_its_error) {
  for (const Fault& fault : faults()) {
    GgufWriter writer = small_file();
    fault.spoil(writer);
    const auto file = parse(writer.bytes());
    EXPECT_FALSE(file) << fault.name;
    if (file || fault.code.empty()) {
      continue;
    }
    EXPECT_EQ(code(file), fault.code) << fault.name << "\n" << text(file);
    EXPECT_THAT(text(file), HasSubstr(fault.word)) << fault.name;
    EXPECT_THAT(text(file), HasSubstr("test.gguf")) << fault.name;
    EXPECT_THAT(text(file), HasSubstr("at byte")) << fault.name;
  }
}

TEST(Gguf, error_of_a_value_says_where_it_stands) {
  GgufWriter writer = small_file();
  writer.entries[1].type = 99;
  const std::size_t type_offset = 24 + 8 + 20 + 4 + 8 + 5 + 8 + 5;
  EXPECT_THAT(text(parse(writer.bytes())), HasSubstr(fmt::format("at byte {} of", type_offset)));
}

TEST(Gguf, a_file_cut_anywhere_is_an_error) {
  const GgufWriter writer = test::tiny_model(Architecture::llama);
  const std::string whole = writer.bytes();
  const std::size_t header = writer.header().size();
  ASSERT_TRUE(parse(whole));
  for (std::size_t size = 0; size < header; ++size) {
    ASSERT_FALSE(parse(std::string_view(whole).substr(0, size))) << size;
  }
  for (std::size_t size = header; size < whole.size(); size += 64) {
    ASSERT_FALSE(parse(std::string_view(whole).substr(0, size))) << size;
  }
}

TEST(Gguf, any_one_byte_of_the_header_may_be_anything) {
  const GgufWriter writer = small_file();
  const std::string whole = writer.bytes();
  for (std::size_t i = 0; i < writer.header().size(); ++i) {
    for (const int value : {0x00, 0x01, 0x7F, 0x80, 0xFF}) {
      std::string changed = whole;
      changed[i] = static_cast<char>(value);
      const auto file = parse(changed);
      if (!file) {
        EXPECT_FALSE(text(file).empty());
      }
    }
  }
}

TEST(Gguf, arrays_of_arrays_are_skipped_up_to_four_deep) {
  GgufWriter writer = small_file();
  writer.set_encoded("deep", MetadataType::array, nested_arrays(4));
  const auto file = parse(writer.bytes());
  ASSERT_TRUE(file) << text(file);
  EXPECT_EQ(to_text(*file->metadata.find("deep")), "[1 arrays]");
}

TEST(Gguf, alignment_is_that_of_the_metadata) {
  for (const std::uint32_t alignment : {1U, 2U, 8U, 64U, 4096U}) {
    GgufWriter writer = small_file();
    writer.alignment = alignment;
    writer.set("general.alignment", alignment);
    const auto file = parse(writer.bytes());
    ASSERT_TRUE(file) << text(file);
    EXPECT_EQ(file->data_offset % alignment, 0);
  }
}

TEST(Gguf, a_file_without_tensors_needs_no_padding) {
  GgufWriter writer;
  writer.set("key", std::uint32_t{1});
  const auto file = parse(writer.header());
  ASSERT_TRUE(file) << text(file);
  EXPECT_EQ(file->data_offset, writer.header().size());
  EXPECT_EQ(file->digest(), sha256_hex(writer.header()));
}

TEST(Gguf, digest_covers_all_before_the_tensor_data_and_nothing_of_it) {
  GgufWriter writer = small_file();
  const std::string bytes = writer.bytes();
  const auto file = parse(bytes);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->digest(), sha256_hex(std::string_view(bytes).substr(0, file->data_offset)));
  writer.tensors[0].data[0] ^= 1;
  EXPECT_EQ(parse(writer.bytes())->digest(), file->digest());
  writer.set("count", std::uint32_t{8});
  EXPECT_NE(parse(writer.bytes())->digest(), file->digest());
}

TEST(Gguf, values_have_a_text_form) {
  GgufWriter writer;
  writer.set("array", std::vector<std::int32_t>{1, 2, 3});
  writer.set("strings", std::vector<std::string>{"abcdef", "g"});
  writer.set("text", "abc häh");
  writer.set("yes", true);
  const auto file = parse(writer.bytes());
  ASSERT_TRUE(file);
  const auto value = [&](std::string_view key, std::size_t elements, std::size_t characters) {
    return to_text(*file->metadata.find(key), elements, characters);
  };
  EXPECT_EQ(value("array", 8, 0), "[1, 2, 3]");
  EXPECT_EQ(value("array", 2, 0), "[1, 2, … 3 in all]");
  EXPECT_EQ(value("strings", 8, 3), "[\"abc… (6 bytes)\", \"g\"]");
  EXPECT_EQ(value("text", 8, 6), "abc h… (8 bytes)");  // not half a character
  EXPECT_EQ(value("yes", 8, 0), "true");
}

TEST(Gguf, a_file_on_disk_is_read_however_long_its_header) {
  TemporaryFolder folder;
  for (const std::size_t count : {std::size_t{3}, std::size_t{100000}}) {
    GgufWriter writer = small_file();
    std::vector<std::string> names(count);
    for (std::size_t i = 0; i < count; ++i) {
      names[i] = "a name that makes the header long: " + std::to_string(i);
    }
    writer.set("names", names);
    const auto path = folder.write("model.gguf", writer.bytes());
    const auto file = open_gguf(path);
    ASSERT_TRUE(file) << text(file);
    EXPECT_EQ((*file->metadata.strings("names"))[count - 1], names.back());
    const TensorInfo& two = *file->find_tensor("two");
    std::vector<std::byte> bytes(two.bytes);
    ASSERT_TRUE(file->read_tensor(two, bytes));
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
              writer.tensors[1].data);
    std::vector<std::byte> row(two.row_bytes());
    ASSERT_TRUE(file->read_rows(two, 2, 1, row));
    EXPECT_TRUE(std::equal(row.begin(), row.end(), bytes.end() - std::ssize(row)));
  }
}

TEST(Gguf, a_file_cut_after_it_was_opened_gives_an_error) {
  TemporaryFolder folder;
  const std::string bytes = small_file().bytes();
  const auto path = folder.write("model.gguf", bytes);
  const auto file = open_gguf(path);
  ASSERT_TRUE(file);
  ASSERT_EQ(::truncate(path.c_str(), static_cast<off_t>(bytes.size() - 200)), 0);
  const TensorInfo& two = *file->find_tensor("two");
  std::vector<std::byte> out(two.bytes);
  const auto got = file->read_tensor(two, out);
  EXPECT_EQ(code(got), "B0003");
  EXPECT_THAT(text(got), HasSubstr("tensor `two`"));
}

TEST(Gguf, only_regular_files_are_opened) {
  TemporaryFolder folder;
  EXPECT_EQ(code(open_gguf(folder.path("absent"))), "B0001");
  EXPECT_EQ(code(open_gguf(folder.path(""))), "B0002");
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(code(open_gguf(folder.path("pipe"))), "B0002");
  EXPECT_EQ(code(open_gguf("/dev/zero")), "B0002");
  EXPECT_EQ(code(open_gguf(folder.write("empty", ""))), "M0103");
}

// A sparse file of a terabyte costs nothing; a header that claims most of it must not either.
TEST(Gguf, a_header_is_read_up_to_a_bound_however_large_the_file) {
  TemporaryFolder folder;
  GgufWriter writer = small_file();
  writer.entries[0].value = string_bytes(std::uint64_t{1} << 39, "llama");
  const auto path = folder.write("sparse.gguf", writer.bytes());
  ASSERT_EQ(::truncate(path.c_str(), off_t{1} << 40), 0);
  EXPECT_EQ(code(open_gguf(path)), "M0102");
}

}  // namespace
}  // namespace churon::model
