#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace churon {
namespace {

struct Folder {
  std::string path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "churon-file-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

TEST(File, is_replaced_as_a_whole) {
  const Folder folder;
  const std::string path = folder.path + "/a";
  ASSERT_TRUE(write_file_atomically(path, "first"));
  ASSERT_TRUE(write_file_atomically(path, "2nd"));
  EXPECT_EQ(*read_file(path, 100), "2nd");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path), {}), 1);
}

TEST(File, a_pipe_is_written_to_and_stays_one) {
  const Folder folder;
  const std::string path = folder.path + "/pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const File reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK));
  ASSERT_TRUE(write_file_atomically(path, "through"));
  char text[16] = {};
  EXPECT_EQ(::read(reader.descriptor(), text, sizeof text), 7);
  EXPECT_STREQ(text, "through");
  EXPECT_TRUE(std::filesystem::is_fifo(path));
}

TEST(File, a_folder_is_no_place_for_bytes) {
  const Folder folder;
  const auto written = write_file_atomically(folder.path, "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().front().code, "B0001");
  EXPECT_TRUE(std::filesystem::is_directory(folder.path));
}

}  // namespace
}  // namespace churon
