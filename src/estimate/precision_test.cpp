#include "estimate/precision.h"

#include <gtest/gtest.h>

#include <set>

namespace churon::estimate {
namespace {

TEST(Precision, every_format_is_found_by_its_name_in_any_case) {
  std::set<std::string_view> names;
  for (const Precision& format : precisions()) {
    EXPECT_TRUE(names.insert(format.name).second) << format.name;
    EXPECT_EQ(precision(format.name), &format) << format.name;
    EXPECT_GE(format.weight_bits, 4) << format.name;
    EXPECT_LE(format.weight_bits, 32) << format.name;
    EXPECT_GE(format.activation_bits, 4) << format.name;
    EXPECT_FALSE(format.summary.empty()) << format.name;
  }
  EXPECT_EQ(precision("FP8_Block"), precision("fp8_block"));
}

TEST(Precision, names_of_the_measured_tables_and_of_frameworks_are_known) {
  for (const char* name :
       {"bfloat16", "half", "fp16", "sq", "int8_wo", "int4_wo", "fp8", "fp8_block", "nvfp4",
        "mxfp4", "nvfp4/mxfp4", "w4a16_mxfp4", "w4a8_mxfp4_mxfp8", "bf16", "bf16/fp16", "fp32"}) {
    EXPECT_NE(precision(name), nullptr) << name;
  }
  EXPECT_EQ(precision("fp9"), nullptr);
  EXPECT_EQ(precision(""), nullptr);
}

TEST(Precision, bits_hold_the_scales) {
  EXPECT_DOUBLE_EQ(precision("nvfp4")->weight_bits, 4 + 8.0 / 16);
  EXPECT_DOUBLE_EQ(precision("mxfp4")->weight_bits, 4 + 8.0 / 32);
  EXPECT_DOUBLE_EQ(precision("q8_0")->weight_bits, 8 + 16.0 / 32);
  EXPECT_DOUBLE_EQ(precision("fp8_block")->weight_bits, 8 + 32.0 / (128 * 128));
}

TEST(Precision, fp8_of_a_model_is_what_its_makers_publish) {
  EXPECT_EQ(published_fp8("fp8 e4m3, 128x128 block scales"), precision("fp8_block"));
  EXPECT_EQ(published_fp8("fp8 e4m3"), precision("fp8"));
  EXPECT_EQ(published_fp8("mxfp4 (blocks of 32)"), precision("fp8"));
  EXPECT_EQ(published_fp8(""), precision("fp8"));
}

TEST(Precision, rates_and_families_have_names) {
  for (const Precision& format : precisions()) {
    EXPECT_FALSE(name(format.rate).empty());
    EXPECT_FALSE(name(format.family).empty());
  }
}

}  // namespace
}  // namespace churon::estimate
