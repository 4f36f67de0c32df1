#include "evaluate/band.h"

#include <gtest/gtest.h>

#include <fstream>

#include "gguf_writer.h"

namespace churon::evaluate {
namespace {

Result<ErrorBands> bands_of(const std::string& text) {
  const test::TemporaryFolder folder;
  return ErrorBands::load(folder.write("bands.csv", text));
}

TEST(ErrorBands, unseen_chips_have_their_own_band_or_that_of_the_seen) {
  const auto bands = bands_of(
      "scope,metric,p10,p90,groups,rows,source,chips\n"
      "dense,TPOT,0.9,1.2,7,100,left out,seen\n"
      "dense,TPOT,0.7,1.5,3,40,left out,unseen\n"
      "moe,TPOT,0.8,1.3,5,60,left out,seen\n");
  ASSERT_TRUE(bands);
  EXPECT_EQ(bands->of("dense", "TPOT").p90, 1.2);
  EXPECT_EQ(bands->of("dense", "TPOT", false).p90, 1.5);
  EXPECT_EQ(bands->of("moe", "TPOT", false).p90, 1.3);
  EXPECT_FALSE(bands->of("moe", "TTFT").is_known());
  const ErrorBand throughput = inverse(bands->of("dense", "TPOT"));
  EXPECT_DOUBLE_EQ(throughput.p10, 1 / 1.2);
  EXPECT_DOUBLE_EQ(throughput.p90, 1 / 0.9);
}

TEST(ErrorBands, name_every_value_that_is_none) {
  const auto bands = bands_of(
      "scope,metric,p10,p90,groups,rows,source\n"
      "dense,TPOT,nan,-1,7,many,x\n");
  ASSERT_FALSE(bands);
  EXPECT_EQ(bands.error().size(), 3U);
  EXPECT_EQ(bands.error().front().code, "E0602");
  const auto columns = bands_of("scope,metric\n");
  ASSERT_FALSE(columns);
  EXPECT_EQ(columns.error().front().code, "E0601");
}

}  // namespace
}  // namespace churon::evaluate
