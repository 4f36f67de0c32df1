#include "report/roofline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace churon::report {
namespace {

using ::testing::HasSubstr;

TEST(Roofline, names_of_roofs_hide_no_point_and_no_point_hides_them) {
  Roofline roofline{.title = "chip",
                    .bytes_per_s = 4.8e12,
                    .roofs = {{"fp8", 1.98e15}, {"bf16", 9.89e14}},
                    .points = {}};
  // Just above the lower roof, at its right end.
  for (const double intensity : {1000.0, 1200.0, 1500.0}) {
    roofline.points.push_back({"p", "prefill", intensity, 1.25e15});
  }
  const std::string text = roofline_text(roofline, Charset::ascii);
  EXPECT_THAT(text, HasSubstr("bf16 989 Top/s"));
  EXPECT_THAT(text, HasSubstr("fp8 1.98 Pop/s"));
  const std::string picture = text.substr(0, text.find("operations per byte"));
  for (const char* letter : {"A", "B", "C"}) {
    EXPECT_THAT(picture, HasSubstr(letter));
  }
}

TEST(Roofline, no_name_stands_nearer_to_another_point_and_takes_its_place) {
  // A decode step of 64 requests: beside its crowd `attn_output` would fit under `output` alone.
  const Roofline roofline{.title = "chip",
                          .bytes_per_s = 4.8e12,
                          .roofs = {{"fp8", 1.98e15}},
                          .points = {{"ffn_gate_up", "decode", 125, 4.29e14},
                                     {"attention", "decode", 15.8, 2.99e13},
                                     {"ffn_down", "decode", 125, 3.81e14},
                                     {"attn_qkv", "decode", 123, 2.66e14},
                                     {"attn_output", "decode", 120, 2.42e14},
                                     {"attn_norm", "decode", 0.5, 8.15e11},
                                     {"output", "decode", 63, 2.40e14},
                                     {"output_norm", "prefill", 0.5, 2.07e10},
                                     {"ffn_gate_up", "prefill", 1550, 1.53e15}}};
  EXPECT_THAT(roofline_svg(roofline), HasSubstr(">output</text>"));
}

}  // namespace
}  // namespace churon::report
