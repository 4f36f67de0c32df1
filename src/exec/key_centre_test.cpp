#include "exec/key_centre.h"

#include <gtest/gtest.h>

#include <vector>

namespace churon::exec {
namespace {

using numeric::RopePairing;

// Pairs 0..3 turn by 1, 0.1, 0.01 and 0.001 a position.
const numeric::RopeParameters kRope{
    .dimensions = 8, .base = 1e4, .factor = 1, .frequency_factors = {}};
const std::vector<float> kBias{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};  // one head with two that stay

TEST(KeyCentre, is_the_bias_of_the_pairs_that_turn_slowly) {
  using Values = std::vector<float>;
  EXPECT_EQ(key_centre(kBias, 10, kRope, RopePairing::halves, 100),
            (Values{0, 0, 3, 4, 0, 0, 7, 8, 9, 10}));
  EXPECT_EQ(key_centre(kBias, 10, kRope, RopePairing::adjacent, 100),
            (Values{0, 0, 0, 0, 5, 6, 7, 8, 9, 10}));
}

TEST(KeyCentre, border_is_a_third_of_pi_at_the_last_position) {
  // 0.01 · 104 is below 1.0472, 0.01 · 105 above.
  EXPECT_EQ(key_centre(kBias, 10, kRope, RopePairing::halves, 105)[2], 3);
  EXPECT_EQ(key_centre(kBias, 10, kRope, RopePairing::halves, 106)[2], 0);
}

TEST(KeyCentre, scaled_positions_turn_less) {
  auto slow = kRope;
  slow.factor = 2;
  EXPECT_EQ(key_centre(kBias, 10, slow, RopePairing::halves, 210)[2], 3);
  slow.factor = 1;
  slow.frequency_factors = {1, 1, 2, 1};
  EXPECT_EQ(key_centre(kBias, 10, slow, RopePairing::halves, 210)[2], 3);
  EXPECT_EQ(key_centre(kBias, 10, slow, RopePairing::halves, 212)[2], 0);
}

TEST(KeyCentre, one_position_turns_nothing) {
  EXPECT_EQ(key_centre(kBias, 10, kRope, RopePairing::halves, 1), kBias);
}

}  // namespace
}  // namespace churon::exec
