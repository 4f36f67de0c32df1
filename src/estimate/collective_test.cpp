#include "estimate/collective.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <tuple>

#include "chip/chip.h"
#include "estimate/lowering.h"

namespace churon::estimate {
namespace {

Device device(const std::string& name) {
  static const Efficiency shared = *shipped_efficiency();
  const auto chip = chip::load(name);
  EXPECT_TRUE(chip) << to_text(chip.error());
  return Device(*figures(*chip), shared);
}

constexpr std::array kKinds{CollectiveKind::all_reduce, CollectiveKind::all_gather,
                            CollectiveKind::reduce_scatter, CollectiveKind::all_to_all};

TEST(Collective, ranks_lie_in_equal_shares_over_the_fewest_domains) {
  const Figures h100 = device("h100").figures;
  for (const auto& [ranks, together, expected] :
       {std::tuple{8.0, 1.0, 1.0}, std::tuple{9.0, 1.0, 3.0}, std::tuple{11.0, 1.0, 11.0},
        std::tuple{12.0, 1.0, 2.0}, std::tuple{16.0, 16.0, 2.0}, std::tuple{24.0, 6.0, 4.0},
        std::tuple{24.0, 4.0, 3.0}, std::tuple{64.0, 8.0, 8.0}}) {
    EXPECT_EQ(domains(h100, ranks, together), expected) << ranks << " of " << together;
  }
  EXPECT_EQ(domains(device("gb200").figures, 72), 1);
  EXPECT_EQ(domains(device("gb200").figures, 144), 2);
  for (int ranks = 1; ranks <= 130; ++ranks) {
    for (int together = 1; together <= ranks; ++together) {
      if (ranks % together != 0) {
        continue;
      }
      const double count = domains(h100, ranks, together);
      const double local = ranks / count;
      EXPECT_EQ(local, std::floor(local)) << ranks << " of " << together;
      EXPECT_LE(local, 8) << ranks << " of " << together;
      if (together <= 8) {
        EXPECT_EQ(std::fmod(local, together), 0) << ranks << " of " << together;
      }
    }
  }
}

TEST(Collective, inside_a_domain_nothing_crosses) {
  for (const char* chip : {"h100", "mi300x", "tpu-v6e", "churon-1"}) {
    for (const CollectiveKind kind : kKinds) {
      const Price price = collective(device(chip), {.kind = kind, .ranks = 8, .bytes = 1e6});
      EXPECT_EQ(price.across_s, 0) << chip;
      EXPECT_EQ(price.across_bytes, 0) << chip;
    }
  }
}

TEST(Collective, across_domains_time_is_above_the_bound_and_grows_with_bytes) {
  for (const char* chip : {"h100", "b200", "mi300x", "gaudi3", "trainium2", "gb200", "churon-1"}) {
    const Device d = device(chip);
    for (const double count : {2.0, 3.0, 7.0, 16.0}) {
      const double ranks = count * d.figures.domain_chips;
      for (const CollectiveKind kind : kKinds) {
        double before = 0;
        for (double bytes = 1; bytes < 1e11; bytes *= 7) {
          const Price price = collective(d, {.kind = kind, .ranks = ranks, .bytes = bytes});
          ASSERT_TRUE(std::isfinite(price.expected_s)) << chip;
          EXPECT_GT(price.bound_s, 0) << chip;
          EXPECT_LE(price.bound_s, price.link_s + price.across_s + price.vector_s)
              << chip << " " << name(kind) << " " << ranks << " ranks " << bytes;
          EXPECT_GE(price.expected_s, before) << chip << " " << name(kind) << " " << bytes;
          before = price.expected_s;
        }
      }
    }
  }
}

TEST(Collective, across_domains_bytes_are_those_of_the_hierarchy) {
  const Device d = device("h100");
  const double bytes = 1e9;
  const auto of = [&](CollectiveKind kind) {
    return collective(d, {.kind = kind, .ranks = 32, .bytes = bytes});
  };
  // Four domains of eight. A rank holds an eighth of the vector, and passes on three quarters of it
  // once; a sum goes round twice.
  EXPECT_DOUBLE_EQ(of(CollectiveKind::all_gather).link_bytes, bytes * 7 / 8);
  EXPECT_DOUBLE_EQ(of(CollectiveKind::all_gather).across_bytes, bytes / 8 * 3 / 4);
  EXPECT_DOUBLE_EQ(of(CollectiveKind::reduce_scatter).across_bytes, bytes / 8 * 3 / 4);
  EXPECT_DOUBLE_EQ(of(CollectiveKind::all_reduce).across_bytes, 2 * bytes / 8 * 3 / 4);
  // Every other rank gets a 32nd: seven of them are near.
  EXPECT_DOUBLE_EQ(of(CollectiveKind::all_to_all).link_bytes, bytes * 7 / 32);
  EXPECT_DOUBLE_EQ(of(CollectiveKind::all_to_all).across_bytes, bytes * 24 / 32);
}

TEST(Collective, a_long_message_is_limited_by_the_adapter_or_by_the_link) {
  Device d = device("h100");
  const CollectiveWork work{.ranks = 32, .bytes = 1e12};
  const double adapter = d.figures.scale_out_bytes_per_s;
  const Price slow = collective(d, work);
  EXPECT_NEAR(slow.across_s, 2 * 1e12 / 8 * 3 / 4 / (adapter * d.efficiency.network.link), 1e-9);
  EXPECT_DOUBLE_EQ(slow.bound_s, 1e12 / 8 / adapter);
  d.figures.scale_out_bytes_per_s = 100 * adapter;
  const Price fast = collective(d, work);
  EXPECT_NEAR(fast.across_s, slow.across_s / 100, 1e-9);
  EXPECT_NEAR(fast.expected_s, fast.link_s + fast.fixed_s, 1e-9);
}

TEST(Collective, ranks_beyond_the_domain_pay_for_the_way_between_domains) {
  for (const double bytes : {1e4, 1e8, 1e10}) {
    EXPECT_GT(collective(device("h100"), {.ranks = 32, .bytes = bytes}).expected_s,
              collective(device("h100"), {.ranks = 8, .bytes = bytes}).expected_s);
  }
}

TEST(Collective, a_short_sum_takes_a_tree_where_the_ring_is_long) {
  const Device d = device("h100");
  const auto& network = d.efficiency.network;
  const double start = collective(d, {.ranks = 16, .bytes = 1}).fixed_s - 2 * network.ring;
  // 2 and 63 steps of a ring each way; 6 levels of a tree.
  EXPECT_NEAR(collective(d, {.ranks = 512, .bytes = 1}).fixed_s, start + 12 * network.tree, 1e-12);
}

TEST(Collective, pipelines_cross_domains_only_where_a_domain_is_full) {
  for (int domain = 1; domain <= 16; ++domain) {
    for (int of_stage = 1; of_stage <= 20; ++of_stage) {
      for (int stages = 1; stages <= 9; ++stages) {
        // Stages are laid down one after the other, whole ones into a domain while it has room.
        int crossed = 0;
        int room = domain - of_stage;
        for (int stage = 1; stage < stages; ++stage) {
          if (room >= of_stage) {
            room -= of_stage;
          } else {
            ++crossed;
            room = domain - of_stage;
          }
        }
        EXPECT_EQ(crossing_stages({.tp = of_stage, .pp = stages}, domain), crossed)
            << of_stage << " x " << stages << " on " << domain;
      }
    }
  }
}

TEST(Collective, a_send_takes_the_adapter_only_across) {
  for (const char* chip : {"h100", "churon-1"}) {
    const Device d = device(chip);
    const Price near = send(d, {.bytes = 1e6, .ranks = 8});
    const Price far = send(d, {.bytes = 1e6, .ranks = 8, .across = true});
    EXPECT_EQ(near.across_bytes, 0);
    EXPECT_EQ(far.link_bytes, 0);
    EXPECT_DOUBLE_EQ(far.across_bytes, 1e6);
    EXPECT_GT(far.expected_s, near.expected_s);
    EXPECT_DOUBLE_EQ(far.bound_s, 1e6 / 8 / d.figures.scale_out_bytes_per_s);
    EXPECT_LT(seconds_across(d, 1e6), far.expected_s);
  }
  EXPECT_TRUE(std::isinf(seconds_across(device("l40s"), 1)));
}

}  // namespace
}  // namespace churon::estimate
