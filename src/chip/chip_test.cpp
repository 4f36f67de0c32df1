#include "chip/chip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "base/text.h"
#include "chip/lint.h"
#include "chip/load.h"
#include "chip/names.h"
#include "chip/schema.h"
#include "temporary_folder.h"

namespace churon::chip {
namespace {

namespace fs = std::filesystem;

Chip loaded(std::string_view name, const std::vector<std::string>& overrides = {}) {
  auto chip = load(name, overrides);
  EXPECT_TRUE(chip.has_value()) << name << "\n" << (chip ? "" : to_text(chip.error()));
  return chip ? *chip : Chip{};
}

std::string error_of(std::string_view name, const std::vector<std::string>& overrides) {
  const auto chip = load(name, overrides);
  return chip ? "no error" : chip.error().front().code;
}

// A description that stands alone: what is inherited is nothing.
Result<Chip> from_text(const std::string& text) {
  return load_text({.id = "test", .file = "test.toml", .folder = "", .text = text}, {},
                   [](std::string_view, const ChipText&) { return std::nullopt; });
}

std::vector<std::string> shipped() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(CHURON_SOURCE_DIR "/chips")) {
    if (entry.path().extension() == ".toml") {
      names.push_back(entry.path().stem().string());
    }
  }
  return names;
}

// --- the key tables -----------------------------------------------------------------------------

TEST(Schema, has_ranges_and_examples_that_are_quantities) {
  for (const Table& table : schema()) {
    for (const Row& row : table.rows) {
      const std::string key = std::string(table.path) + "." + std::string(row.key);
      EXPECT_FALSE(row.key.empty());
      if (row.form != Form::quantity) {
        continue;
      }
      EXPECT_TRUE(parse_quantity(info(row.kind).example, row.kind).has_value()) << key;
      double low = -1e300;
      double high = 1e300;
      for (const auto& [text, bound] : {std::pair(row.range.low, &low), {row.range.high, &high}}) {
        if (!text.empty()) {
          const auto value = parse_quantity(text, row.kind);
          ASSERT_TRUE(value.has_value()) << key << ": " << text << ": " << value.error().message;
          *bound = *value;
        }
      }
      EXPECT_LT(low, high + 0.5) << key;
    }
  }
}

TEST(Schema, names_every_key_of_a_table_once) {
  for (const Table& table : schema()) {
    for (const Row& row : table.rows) {
      EXPECT_EQ(table.find(row.key), &row) << table.path << "." << row.key;
      EXPECT_NE(row.key, "provenance");
      EXPECT_NE(row.key, "v");
    }
  }
}

// --- loading ------------------------------------------------------------------------------------

TEST(Load, reads_every_shipped_chip_without_complaint) {
  const auto names = shipped();
  EXPECT_EQ(names.size(), 23U);
  for (const auto& name : names) {
    const Chip chip = loaded(name);
    EXPECT_EQ(chip.id, name);
    EXPECT_FALSE(lints(chip).empty());
    EXPECT_NE(derate(chip, "neutral"), nullptr) << name;
  }
}

TEST(Load, gives_the_same_chip_from_its_resolved_text) {
  for (const auto& name : shipped()) {
    const Chip chip = loaded(name);
    const auto again = from_text(dump(chip));
    ASSERT_TRUE(again.has_value()) << name << "\n" << to_text(again.error());
    EXPECT_EQ(dump(*again), dump(chip)) << name;
    EXPECT_EQ(again->digest, chip.digest) << name;
  }
}

TEST(Load, gives_the_same_chip_from_a_text_with_overrides) {
  const Chip chip = loaded("churon-1", {"memory.hbm.stacks=6", "clock.core=1.4 GHz",
                                        "memory.hbm.pin_rate=\"8 Gb/s\"", "cost.nre=1e6 USD"});
  const auto again = from_text(dump(chip));
  ASSERT_TRUE(again.has_value()) << to_text(again.error());
  EXPECT_EQ(again->digest, chip.digest);
}

TEST(Load, finds_chips_by_any_case_name_and_alias) {
  EXPECT_EQ(loaded("h200").name, "H200-SXM");
  EXPECT_EQ(loaded("H200").id, "h200");
  EXPECT_EQ(loaded("h200-sxm").id, "h200");
  EXPECT_EQ(loaded("TRN2").id, "trainium2");
  EXPECT_EQ(loaded(CHURON_SOURCE_DIR "/chips/h200.toml").id, "h200");
  EXPECT_EQ(error_of("h300", {}), "C0001");
}

TEST(Load, finds_every_shipped_chip_by_its_id_and_every_name_that_is_its_own_alone) {
  std::map<std::string, std::set<std::string>> ids;  // of the chips that have the name
  for (const auto& id : shipped()) {
    const Chip chip = loaded(id);
    ids[chip.name].insert(id);
    for (const std::string& alias : chip.aliases) {
      ids[alias].insert(id);
    }
  }
  for (const auto& [name, having] : ids) {
    if (having.size() == 1) {
      EXPECT_EQ(loaded(name).id, *having.begin()) << name;
    } else {
      EXPECT_EQ(error_of(name, {}), "C0002") << name;
    }
  }
}

TEST(Load, takes_makers_in_front_and_any_separator) {
  EXPECT_EQ(loaded("nvidia-h100").id, "h100");
  EXPECT_EQ(loaded("NVIDIA A100-SXM4-80GB").id, "a100");
  EXPECT_EQ(loaded("NVIDIA H100 80GB HBM3").id, "h100");
  EXPECT_EQ(loaded("AMD Instinct MI300X").id, "mi300x");
  EXPECT_EQ(loaded("Google Cloud TPU v5e").id, "tpu-v5e");
  EXPECT_EQ(loaded("Intel Gaudi 3").id, "gaudi3");
  EXPECT_EQ(loaded("aws_trainium_2").id, "trainium2");
}

TEST(Load, lists_the_candidates_of_a_name_that_several_could_have) {
  for (const auto& [name, candidates] : std::vector<std::pair<std::string, std::string>>{
           {"gaudi", "candidates: gaudi2, gaudi3"},
           {"TPU", "candidates: tpu-v5e, tpu-v6e, tpu-v7x"},
           {"trainium", "candidates: trainium1, trainium2"},
           {"mi3", "candidates: mi300x, mi325x, mi355x"},
           {"hopper", "candidates: h100 (H100-SXM), h200 (H200-SXM)"},
           {"churon", "candidates: churon-0, churon-1, churon-1h4"}}) {
    const auto chip = load(name);
    ASSERT_FALSE(chip) << name;
    EXPECT_EQ(chip.error().front().code, "C0002") << name;
    EXPECT_THAT(chip.error().front().notes, testing::ElementsAre(candidates)) << name;
  }
}

TEST(Load, proposes_the_part_that_is_described_for_one_that_is_not) {
  for (const auto& [name, proposed] :
       std::vector<std::pair<std::string, std::string>>{{"h100-pcie", "h100"},
                                                        {"h200-nvl", "h200"},
                                                        {"mi250x", "mi250"},
                                                        {"mi300", "mi300x"},
                                                        {"l40", "l40s"},
                                                        {"inferentia", "inferentia2"},
                                                        {"tpu-v5", "tpu-v5e"}}) {
    const auto chip = load(name);
    ASSERT_FALSE(chip) << name;
    EXPECT_EQ(chip.error().front().code, "C0001") << name;
    EXPECT_EQ(chip.error().front().help.front(), "did you mean `" + proposed + "`?") << name;
  }
  EXPECT_EQ(error_of("", {}), "C0001");
  EXPECT_EQ(error_of(std::string(1000000, 'x'), {}), "C0001");
}

TEST(Names, of_one_chip_go_by_id_first_and_two_of_one_alias_are_ambiguous) {
  const std::vector<Names> chips{{.id = "a1", .others = {"A1-SXM", "both"}},
                                 {.id = "a1-pcie", .others = {"A1-PCIe", "both"}},
                                 {.id = "b", .others = {"a1"}}};
  EXPECT_EQ(*find_by_name(chips, "A1"), 0U);
  EXPECT_EQ(*find_by_name(chips, "a1 pcie"), 1U);
  EXPECT_EQ(find_by_name(chips, "both").error().front().code, "C0002");
  EXPECT_EQ(find_by_name(chips, "a1-").has_value(), true);  // separators do not count
  EXPECT_EQ(find_by_name({}, "a1").error().front().code, "C0001");
}

// A copy under another name of the file, and one whose name is spelled in capitals.
TEST(Load, takes_the_users_own_chip_before_the_shipped_one_of_its_name) {
  const test::TemporaryFolder folder;
  const fs::path own = fs::path(folder.path("churon")) / "chips";
  fs::create_directories(own);
  fs::copy_file(fs::path(CHURON_SOURCE_DIR) / "chips" / "h200.toml", own / "h200-mine.toml");
  fs::copy_file(fs::path(CHURON_SOURCE_DIR) / "chips" / "b200.toml", own / "B200.toml");
  ::setenv("XDG_CONFIG_HOME", folder.path("").c_str(), 1);
  const auto chips = names_of(listed());
  const auto id_of = [&](std::string_view name) {
    const auto found = find_by_name(chips, name);
    return found ? chips[*found].id : found.error().front().code;
  };
  EXPECT_EQ(id_of("h200"), "h200");
  EXPECT_EQ(id_of("H200-SXM"), "h200-mine");
  EXPECT_EQ(id_of("b200"), "B200");
  EXPECT_EQ(loaded("b200").id, "B200");
  EXPECT_EQ(id_of("hopper"), "C0002");
  ::unsetenv("XDG_CONFIG_HOME");
}

TEST(Load, applies_overrides_like_a_variant) {
  const Chip chip = loaded("churon-1", {"memory.hbm.stacks=6", "clock.core = 1.4 GHz"});
  EXPECT_EQ(main_memory(chip).stacks, 6);
  EXPECT_EQ(memory_capacity(chip), Bytes(6 * 36e9));
  EXPECT_EQ(chip.clock->core, Hertz(1.4e9));
  EXPECT_EQ(pseudo_channels_per_core(chip), 3);
  EXPECT_NE(chip.digest, loaded("churon-1").digest);
}

TEST(Load, keeps_the_origin_of_every_value) {
  const Chip chip = loaded("churon-1h4", {"power.tdp=900 W"});
  const auto origin = [&](std::string_view path) {
    for (const Value& value : chip.values) {
      if (value.path == path) {
        return value.origin;
      }
    }
    ADD_FAILURE() << path;
    return OriginKind::file;
  };
  EXPECT_EQ(origin("memory.hbm.type"), OriginKind::file);
  EXPECT_EQ(origin("memory.hbm.stacks"), OriginKind::inherited);
  EXPECT_EQ(origin("derate.neutral.memory"), OriginKind::inherited);
  EXPECT_EQ(origin("power.tdp"), OriginKind::command_line);
  EXPECT_EQ(origin("memory.hbm.via"), OriginKind::standard);
}

// -1 by --set, 0 by the file, 1 by what it inherits, …
TEST(Load, says_how_far_up_a_value_is_stated_and_since_where_it_has_been_that) {
  const auto ages = [](std::string_view path, const std::vector<std::string>& set) {
    for (const Value& value : loaded("churon-1h4", set).values) {
      if (value.path == path) {
        return std::pair{value.stated, value.since};
      }
    }
    ADD_FAILURE() << path;
    return std::pair{9, 9};
  };
  EXPECT_EQ(ages("memory.hbm.type", {}), (std::pair{0, 0}));
  EXPECT_EQ(ages("die.compute.node", {}), (std::pair{1, 1}));
  EXPECT_EQ(ages("derate.neutral.memory", {}), (std::pair{2, 2}));
  EXPECT_EQ(ages("die.compute.node", {"die.compute.node=tsmc-n5-public"}), (std::pair{-1, -1}));
  EXPECT_EQ(ages("die.compute.node", {"die.compute.node=tsmc-n3e-public"}), (std::pair{-1, 1}));
}

TEST(Load, a_variant_keeps_the_order_and_the_rest_of_its_parent) {
  const Chip parent = loaded("churon-1");
  const Chip variant = loaded("churon-1h4");
  ASSERT_EQ(variant.formats.size(), parent.formats.size());
  EXPECT_EQ(variant.formats.front().name, "q8_0");
  EXPECT_EQ(main_memory(variant).type, "hbm4");
  EXPECT_EQ(main_memory(variant).capacity_per_stack, main_memory(parent).capacity_per_stack);
  EXPECT_EQ(variant.energy->base.value, parent.energy->base.value);
  EXPECT_FALSE(variant.expect->die_area.has_value());
}

TEST(Load, refuses_texts_that_would_exhaust_it) {
  std::string deep = "schema = 1\na = ";
  deep += std::string(200, '[') + std::string(200, ']');
  EXPECT_FALSE(from_text(deep).has_value());
  std::string dots = "schema = 1\n[a";
  for (int i = 0; i < 5000; ++i) {
    dots += ".a";
  }
  EXPECT_FALSE(from_text(dots + "]\n").has_value());
  std::string keys = "schema = 1\n";
  for (int i = 0; i < 30000; ++i) {
    keys += "k" + std::to_string(i) + " = 1\n";
  }
  const auto many = from_text(keys);
  ASSERT_FALSE(many.has_value());
  EXPECT_LE(many.error().size(), 20U);
}

TEST(Load, reports_at_most_twenty_errors) {
  std::string text = "schema = 1\n";
  for (int i = 0; i < 100; ++i) {
    text += "k" + std::to_string(i) + " = 1\n";
  }
  const auto chip = from_text(text);
  ASSERT_FALSE(chip.has_value());
  ASSERT_EQ(chip.error().size(), 20U);
  EXPECT_THAT(chip.error().back().notes.back(), testing::HasSubstr("more like these"));
}

TEST(Load, counts_columns_in_bytes_behind_other_characters) {
  const auto chip = from_text("schema = 1\n\"größe\" = 1\n");
  ASSERT_FALSE(chip.has_value());
  ASSERT_TRUE(chip.error().front().span.has_value());
  EXPECT_EQ(chip.error().front().span->column, 1);
  EXPECT_EQ(chip.error().front().span->length, 9);
}

TEST(Load, takes_characters_beyond_ascii_in_quotes_and_comments_alone) {
  const auto code = [](const std::string& line) {
    const auto chip = from_text("schema = 1\n" + line + "\n");
    return chip ? std::string() : chip.error().front().code;
  };
  for (const auto* good :
       {R"(summary = "µ")", "summary = 'µ'", R"(summary = """µ""µ""""")", "summary = '''µ'''",
        "year = 2026 # µ", R"(summary = "\"µ")", R"(summary = "" # µ)"}) {
    EXPECT_EQ(code(good), "C0106") << good;  // it lacks tables, but it is TOML
  }
  for (const auto* bad : {"summary = µ", "µ = 1", R"(summary = ""µ)", "[µ]", "summary = 'a' µ"}) {
    EXPECT_EQ(code(bad), "C0101") << bad;
  }
}

// --- figures ------------------------------------------------------------------------------------

TEST(Figures, of_churon_1_are_those_of_its_design) {
  const Chip chip = loaded("churon-1");
  EXPECT_EQ(cores(chip), 64);
  EXPECT_EQ(multiply_adds_per_cycle(chip), 2097152);
  using numeric::BlockFormat;
  const double base = 2.0 * 2097152 * 1.25e9;
  EXPECT_EQ(peak_operations(chip, BlockFormat::q8_0).value(), base);
  EXPECT_EQ(peak_operations(chip, BlockFormat::q4_0).value(), 2 * base);
  EXPECT_EQ(peak_operations(chip, BlockFormat::q8_m).value(), base / 2);
  EXPECT_EQ(peak_operations(chip, BlockFormat::q8_0, Activation::int16).value(), base / 2);
  EXPECT_NEAR(memory_bandwidth(chip).value(), 9.4208e12, 1);
  EXPECT_EQ(memory_capacity(chip).value(), 288e9);
  EXPECT_EQ(link_bandwidth_per_direction(chip).value(), 800e9);
  EXPECT_EQ(scratch_capacity(chip).value(), 256 * 1048576.0);
  EXPECT_EQ(pseudo_channels_per_core(chip), 4);
  EXPECT_EQ(chip.noc->rows, 4);
  EXPECT_EQ(chip.noc->cols, 8);
  EXPECT_EQ(chip.core->scratch.regions->weights.value(), 2 * 1048576.0);
  EXPECT_EQ(activation_format(chip), BlockFormat::q8_0);
  EXPECT_NEAR(dynamic_scale(chip, chip.power.states.at(0)), 0.784, 1e-3);
  EXPECT_NEAR(dynamic_scale(chip, chip.power.states.at(1)), 1.179, 1e-3);
  EXPECT_EQ(idle_power(chip), Watts(180));
}

TEST(Figures, own_chips_take_the_formats_that_they_list) {
  using numeric::BlockFormat;
  for (const auto* name : {"churon-1", "churon-0"}) {
    EXPECT_THAT(
        native_weights(loaded(name)),
        testing::UnorderedElementsAre(BlockFormat::q8_0, BlockFormat::q8_m, BlockFormat::q4_0,
                                      BlockFormat::q4_1, BlockFormat::mxint8, BlockFormat::mxfp4))
        << name;
  }
}

TEST(Figures, of_a_bought_chip_are_those_that_are_stated) {
  using numeric::BlockFormat;
  const Chip chip = loaded("b200");
  EXPECT_EQ(cores(chip), 0);
  EXPECT_EQ(native_weights(chip).size(), 6U);
  EXPECT_EQ(peak_operations(chip, BlockFormat::q4_0).value(), 4.5e15);
  EXPECT_EQ(peak_operations(chip, BlockFormat::q8_0, Activation::int16).value(), 2.25e15);
  EXPECT_EQ(die_area(chip), SquareMetres(1600e-6));
  EXPECT_EQ(idle_power(chip), std::nullopt);
  EXPECT_EQ(tdp(loaded("tpu-v6e")), std::nullopt);
}

TEST(Figures, blocks_of_churon_1_fill_its_dies) {
  for (const Lint& lint : lints(loaded("churon-1"))) {
    if (lint.id == "area_of_blocks") {
      EXPECT_NEAR(lint.computed_value, 2 * 364e-6, 0.01 * 2 * 364e-6);
      EXPECT_EQ(lint.verdict, Verdict::ok);
    }
  }
}

// --- bought chips against their data file -------------------------------------------------------

std::vector<std::string> csv_cells(std::string_view line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

// The number at the front of a cell such as "1850 (approx)".
std::optional<double> leading_number(const std::string& cell) {
  char* end = nullptr;
  const double value = std::strtod(cell.c_str(), &end);
  return end == cell.c_str() ? std::nullopt : std::optional(value);
}

std::optional<double> stated(const auto& value) {
  return value ? std::optional(value->value.value()) : std::nullopt;
}

TEST(BoughtChips, say_what_data_chips_csv_says) {
  std::ifstream file(CHURON_SOURCE_DIR "/data/chips.csv");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto lines = split(text, '\n');
  const auto header = csv_cells(lines.front());
  std::map<std::string, Chip> bought;
  for (const auto& name : shipped()) {
    Chip chip = loaded(name);
    if (chip.kind == Kind::opaque) {
      bought.emplace(chip.name, std::move(chip));
    }
  }
  EXPECT_EQ(bought.size(), 20U);
  std::size_t found = 0;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto cells = csv_cells(lines[i]);
    const auto chip_of_row = bought.find(cells.front());
    if (chip_of_row == bought.end()) {
      continue;
    }
    ++found;
    const Chip& chip = chip_of_row->second;
    ASSERT_EQ(cells.size(), header.size()) << chip.name;
    const auto cell = [&](std::string_view column) {
      for (std::size_t c = 0; c < header.size(); ++c) {
        if (header[c] == column) {
          return cells[c];
        }
      }
      ADD_FAILURE() << column;
      return std::string();
    };
    const auto same = [&](std::string_view column, double unit, std::optional<double> value) {
      const auto data = leading_number(cell(column));
      EXPECT_EQ(data.has_value(), value.has_value()) << chip.name << " " << column;
      if (data && value) {
        EXPECT_NEAR(*data * unit, *value, 1e-9 * *value) << chip.name << " " << column;
      }
    };
    const Memory& memory = main_memory(chip);
    same("bf16_tflops", 1e12, stated(chip.peak->bf16));
    same("fp8_tflops", 1e12, stated(chip.peak->fp8));
    same("fp4_tflops", 1e12, stated(chip.peak->fp4));
    same("int8_tops", 1e12, stated(chip.peak->int8));
    same("clock_mhz", 1e6, stated(chip.peak->clock));
    if (chip.peak->cores) {
      EXPECT_EQ(leading_number(cell("cores")), static_cast<double>(*chip.peak->cores)) << chip.name;
    }
    same("mem_gb", 1e9, stated(memory.capacity));
    same("mem_bw_tbps", 1e12, stated(memory.bandwidth));
    same("tdp_w", 1, stated(chip.power.tdp));
    same("mem_stacks", 1,
         memory.stacks > 0 ? std::optional(static_cast<double>(memory.stacks)) : std::nullopt);
    same("mem_stack_gb", 1e9,
         memory.capacity_per_stack ? std::optional(memory.capacity_per_stack->value())
                                   : std::nullopt);
    same("link_bw_gbps_per_dir", 1e9, link_bandwidth_per_direction(chip).value());
    same("die_mm2_each", 1e-6, stated(chip.dies.front().area));
    EXPECT_EQ(cell("source"), chip.sources.at("maker"));
    EXPECT_EQ(cell("vendor"), chip.vendor);
    EXPECT_TRUE(cell("confidence").starts_with(chip.confidence)) << chip.name;
  }
  EXPECT_EQ(found, bought.size());
}

}  // namespace
}  // namespace churon::chip
