#include "base/result.h"

#include <gtest/gtest.h>

namespace churon {
namespace {

TEST(Diagnostic, reads_like_rustc) {
  const Diagnostic diagnostic{
      .code = "C0103",
      .message = "unknown key `colums` in [core.matrix]",
      .span = SourceSpan{"chip.toml", 9, 1, 6, "colums = 64", "did you mean `cols`?"},
      .notes = {"[core.matrix] accepts: cols, k, rows"},
      .help = {}};
  EXPECT_EQ(to_text(diagnostic),
            "error[C0103]: unknown key `colums` in [core.matrix]\n"
            " --> chip.toml:9:1\n"
            "  |\n"
            "9 | colums = 64\n"
            "  | ^^^^^^ did you mean `cols`?\n"
            "  |\n"
            "  = note: [core.matrix] accepts: cols, k, rows\n");
}

TEST(Diagnostic, names_the_place_in_a_line_that_is_too_long_to_show) {
  Diagnostic diagnostic{.code = "C0101", .message = "too deep"};
  diagnostic.span = SourceSpan{"a.toml", 1, 300, 1, std::string(401, '['), ""};
  EXPECT_EQ(to_text(diagnostic), "error[C0101]: too deep\n --> a.toml:1:300\n");
}

TEST(Diagnostic, escapes_control_characters_and_keeps_the_caret_in_place) {
  const Diagnostic diagnostic{
      .code = "C0001", .message = "odd\x1b", .span = SourceSpan{"a\nb", 1, 3, 1, "\x1bz!", ""}};
  EXPECT_EQ(to_text(diagnostic),
            "error[C0001]: odd\\x1b\n"
            " --> a\\nb:1:3\n"
            "  |\n"
            "1 | \\x1bz!\n"
            "  |      ^\n"
            "  |\n");
}

}  // namespace
}  // namespace churon
