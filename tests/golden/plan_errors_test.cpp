// Every error of programs in MPS form as a user reads it: errors/S01.txt.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <regex>

#include "golden.h"
#include "plan/mps.h"

namespace churon::plan {
namespace {

std::string golden_text() {
  std::string text;
  const std::string begin = "NAME t\nROWS\n N obj\n L r\nCOLUMNS\n x obj 1 r 1\n";
  for (const std::string& mps :
       {std::string("not an MPS file\n"), begin + "QUADOBJ\n x x 3\nENDATA\n",
        begin + " y r\nENDATA\n", begin + " y r 1.2.3\nENDATA\n", begin + " y s 1\nENDATA\n",
        begin + "BOUNDS\n UP B z 3\nENDATA\n", begin + " x r 2\nENDATA\n",
        begin + "BOUNDS\n SC B x 3\nENDATA\n", std::string("ROWS\n X r\nENDATA\n"),
        begin + " M 'MARKER' 'INTEND'\nENDATA\n", begin}) {
    const auto program = parse_mps(mps, "program.mps");
    EXPECT_FALSE(program) << mps;
    text += program ? "" : to_text(program.error()) + "\n";
  }
  return text;
}

TEST(MpsErrors, read_as_they_are_meant_to) {
  golden::compare(golden_text(), CHURON_SOURCE_DIR "/tests/golden/errors/S01.txt");
}

TEST(MpsErrors, have_a_golden_for_every_code_of_the_page) {
  const std::string text = golden_text();
  const std::string page = golden::file_text(CHURON_SOURCE_DIR "/docs/errors/S.md");
  const std::regex heading("## (S01[0-9]{2}) ");
  for (std::sregex_iterator it(page.begin(), page.end(), heading), end; it != end; ++it) {
    EXPECT_NE(text.find((*it)[1].str()), std::string::npos) << (*it)[1];
  }
}

}  // namespace
}  // namespace churon::plan
