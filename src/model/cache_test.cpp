#include "model/cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "gguf_writer.h"
#include "wheel_writer.h"

namespace churon::model {
namespace {

using test::TemporaryFolder;

TEST(Cache, is_where_the_environment_says) {
  ::setenv("HOME", "/home/u", 1);
  ::unsetenv("XDG_CACHE_HOME");
  ::unsetenv("CHURON_CACHE");
  EXPECT_EQ(cache_directory(), "/home/u/.cache/churon/models");
  ::setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_EQ(cache_directory(), "/home/u/.cache/churon/models");
  ::setenv("XDG_CACHE_HOME", "/x", 1);
  EXPECT_EQ(cache_directory(), "/x/churon/models");
  ::setenv("CHURON_CACHE", "/mine", 1);
  EXPECT_EQ(cache_directory(), "/mine");
  ::unsetenv("CHURON_CACHE");
  ::unsetenv("XDG_CACHE_HOME");
}

TEST(Cache, belongs_to_the_user_alone) {
  const TemporaryFolder folder;
  const std::string path = folder.path("a/b/c");
  ASSERT_TRUE(make_private_directories(path));
  ASSERT_TRUE(make_private_directories(path));
  struct stat status{};
  ASSERT_EQ(::stat(folder.path("a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
}

TEST(Cache, cannot_be_where_a_file_is) {
  const TemporaryFolder folder;
  folder.write("file", "x");
  for (const std::string path : {"file", "file/below"}) {
    const auto made = make_private_directories(folder.path(path));
    ASSERT_FALSE(made) << path;
    EXPECT_EQ(made.error().front().code, "P0404");
  }
  EXPECT_FALSE(make_private_directories("/proc/churon"));
}

TEST(Cache, keeps_what_is_known_about_a_file) {
  const TemporaryFolder folder;
  const std::string path = folder.path("m.gguf");
  EXPECT_FALSE(read_record(path));
  ASSERT_TRUE(write_record(path, {"pypi:x==1", 1'234'567'890'123, "ab", true}));
  const auto record = read_record(path);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->source, "pypi:x==1");
  EXPECT_EQ(record->size, 1'234'567'890'123U);
  EXPECT_EQ(record->sha256, "ab");
  EXPECT_TRUE(record->verified);
}

TEST(Cache, takes_a_record_that_is_garbage_for_none) {
  const TemporaryFolder folder;
  for (const std::string text :
       {"", "{", "[]", "7", "{}", R"({"size_bytes": -1, "sha256": "a"})",
        R"({"size_bytes": 5, "sha256": 5})", R"({"size_bytes": "5", "sha256": "a"})"}) {
    folder.write("m.gguf.json", text);
    EXPECT_FALSE(read_record(folder.path("m.gguf"))) << text;
  }
  folder.write("m.gguf.json", R"({"size_bytes": 5, "sha256": "a", "verified": "yes"})");
  EXPECT_FALSE(read_record(folder.path("m.gguf"))->verified);
}

TEST(Cache, gives_a_file_its_name_at_the_end) {
  const TemporaryFolder folder;
  const std::string part = folder.write("m.part", "new");
  folder.write("m", "old");
  ASSERT_TRUE(put_in_place(part, folder.path("m")));
  EXPECT_EQ(test::bytes_of(folder.path("m")), "new");
  EXPECT_FALSE(std::filesystem::exists(part));
  EXPECT_FALSE(put_in_place(folder.path("missing"), folder.path("m")));
}

TEST(PullLock, lets_one_in_and_the_next_after_it) {
  const TemporaryFolder folder;
  const std::string path = folder.path("m.gguf");
  std::atomic<int> inside = 0;
  std::atomic<int> waited = 0;
  const auto enter = [&] {
    const auto lock = PullLock::acquire(path, [&] { ++waited; }, {});
    ASSERT_TRUE(lock);
    EXPECT_EQ(++inside, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    --inside;
  };
  std::thread first(enter);
  std::thread second(enter);
  first.join();
  second.join();
  EXPECT_EQ(waited, 1);
}

TEST(PullLock, can_be_waited_for_until_one_has_enough) {
  const TemporaryFolder folder;
  const std::string path = folder.path("m.gguf");
  const auto held = PullLock::acquire(path, {}, {});
  ASSERT_TRUE(held);
  int asked = 0;
  const auto second = PullLock::acquire(path, {}, [&] { return ++asked == 2; });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().front().exit, ExitCode::interrupted);
}

}  // namespace
}  // namespace churon::model
