#include "model/download.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "gguf_writer.h"
#include "loopback_server.h"
#include "wheel_writer.h"

namespace churon::model {
namespace {

using test::cut;
using test::http_answer;
using test::http_file;
using test::http_head;
using test::HttpAnswer;
using test::HttpRequest;
using test::LoopbackServer;
using test::TemporaryFolder;
using testing::HasSubstr;

// Bytes that differ everywhere, so that a piece in the wrong place shows.
std::string content(std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) {
    bytes += static_cast<char>((i * 2654435761U) >> 13);
  }
  return bytes;
}

struct Download : testing::Test {
  TemporaryFolder folder;
  std::string part = folder.path("m.gguf.part");
  const std::string body = content(300'007);
  DownloadOptions options;

  Download() {
    options.size_max = 1'000'000;
    options.connect_timeout = std::chrono::seconds(2);
    options.stall_timeout = std::chrono::seconds(1);
    options.tries = 1;
    options.retry_delay = std::chrono::milliseconds(1);
  }

  Result<std::uint64_t> from(const LoopbackServer& server, const std::string& path = "/m.gguf") {
    return download(server.url(path), part, options);
  }
  static std::string code(const Result<std::uint64_t>& result) {
    return result ? "downloaded" : result.error().front().code;
  }
  static std::string message(const Result<std::uint64_t>& result) {
    return result ? "downloaded" : result.error().front().message;
  }
  [[nodiscard]] std::string on_disk() const { return test::bytes_of(part); }
  [[nodiscard]] bool nothing_left() const {
    return !std::filesystem::exists(part) && !std::filesystem::exists(part + ".json");
  }
};

TEST_F(Download, brings_the_bytes_and_tells_how_far_it_is) {
  const LoopbackServer server([&](const HttpRequest& r) { return http_file(r, body, "\"a\""); });
  std::uint64_t last = 0;
  options.watch.progress = [&](std::string_view, std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(total, body.size());
    EXPECT_GE(done, last);
    last = done;
  };
  EXPECT_EQ(from(server), body.size());
  EXPECT_EQ(on_disk(), body);
  EXPECT_EQ(last, body.size());
}

TEST_F(Download, continues_where_the_connection_broke) {
  int count = 0;
  const LoopbackServer server([&](const HttpRequest& r) {
    const auto answer = http_file(r, body, "\"a\"");
    return ++count == 1 ? cut(answer, 100'001) : answer;
  });
  EXPECT_EQ(code(from(server)), "P0203");
  EXPECT_EQ(on_disk(), body.substr(0, 100'001));
  EXPECT_EQ(from(server), body.size());
  EXPECT_EQ(on_disk(), body);
  ASSERT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(server.requests()[1].field("range"), "bytes=100001-");
  EXPECT_EQ(server.requests()[1].field("if-range"), "\"a\"");
}

TEST_F(Download, tries_again_by_itself_as_often_as_it_may) {
  int count = 0;
  const LoopbackServer server([&](const HttpRequest& r) {
    const auto answer = http_file(r, body, "\"a\"");
    return ++count < 4 ? cut(answer, 70'001) : answer;
  });
  options.tries = 4;
  EXPECT_EQ(from(server), body.size());
  EXPECT_EQ(on_disk(), body);
  EXPECT_EQ(server.requests().size(), 4U);
}

TEST_F(Download, asks_nothing_when_all_bytes_are_here) {
  const LoopbackServer server([&](const HttpRequest& r) { return http_file(r, body, "\"a\""); });
  EXPECT_EQ(from(server), body.size());
  EXPECT_EQ(from(server), body.size());
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Download, starts_again_when_the_file_on_the_server_changed) {
  const std::string newer = content(250'003) + "new";
  int count = 0;
  const LoopbackServer server([&](const HttpRequest& r) {
    return ++count == 1 ? cut(http_file(r, body, "\"a\""), 100'001) : http_file(r, newer, "\"b\"");
  });
  EXPECT_EQ(code(from(server)), "P0203");
  EXPECT_EQ(from(server), newer.size());
  EXPECT_EQ(on_disk(), newer);
}

TEST_F(Download, starts_again_without_a_strong_etag) {
  for (const std::string etag : {"W/\"a\"", ""}) {
    int count = 0;
    const LoopbackServer server([&](const HttpRequest&) {
      const auto answer = http_answer("200 OK", body, {{"ETag", etag}});
      return ++count == 1 ? cut(answer, 100'001) : answer;
    });
    EXPECT_EQ(code(from(server)), "P0203");
    EXPECT_EQ(from(server), body.size());
    EXPECT_EQ(on_disk(), body);
    EXPECT_EQ(server.requests()[1].field("range"), "");
    std::filesystem::remove(part);
  }
}

TEST_F(Download, does_not_continue_what_came_from_another_address) {
  const LoopbackServer server([&](const HttpRequest& r) {
    return r.path == "/m.gguf" ? cut(http_file(r, body, "\"a\""), 100'001)
                               : http_file(r, content(400), "\"a\"");
  });
  EXPECT_EQ(code(from(server)), "P0203");
  EXPECT_EQ(from(server, "/other.gguf"), 400U);
  EXPECT_EQ(on_disk(), content(400));
  EXPECT_EQ(server.requests()[1].field("range"), "");
}

// Each answers the request for a range in a way that does not fit what is on disk.
TEST_F(Download, starts_again_when_the_server_answers_with_another_piece) {
  const auto piece = [&](const std::string& range, const std::string& etag) {
    return http_answer("206 Partial Content", body.substr(5),
                       {{"Content-Range", range}, {"ETag", etag}});
  };
  const std::vector<HttpAnswer> wrong = {
      piece("bytes 5-300006/300007", "\"a\""),
      piece("bytes 100001-300006/300008", "\"a\""),
      piece("bytes 100001-300006/300007", "\"b\""),
      piece("bytes 100001-300006/*", "\"a\""),
      piece("bytes x-300006/300007", "\"a\""),
      piece("pages 100001-300006/300007", "\"a\""),
      piece("", "\"a\""),
      piece("bytes 100001", "\"a\""),
      piece("bytes 99999999999999999999-1/2", "\"a\""),
      http_answer("416 No Such Range", ""),
  };
  for (const HttpAnswer& answer : wrong) {
    int count = 0;
    const LoopbackServer server([&](const HttpRequest& r) {
      ++count;
      return count == 1        ? cut(http_file(r, body, "\"a\""), 100'001)
             : r.range_begin() ? answer
                               : http_file(r, body, "\"a\"");
    });
    EXPECT_EQ(code(from(server)), "P0203");
    EXPECT_EQ(from(server), body.size()) << answer.bytes.substr(0, 200);
    EXPECT_EQ(on_disk(), body);
    EXPECT_EQ(count, 3);
    std::filesystem::remove(part);
  }
}

TEST_F(Download, gives_up_on_a_server_that_sends_pieces_nobody_asked_for) {
  const LoopbackServer server([&](const HttpRequest&) {
    return http_answer("206 Partial Content", body, {{"Content-Range", "bytes 5-9/10"}});
  });
  EXPECT_EQ(code(from(server)), "P0202");
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(Download, does_not_trust_a_state_file_that_is_garbage) {
  const LoopbackServer server([&](const HttpRequest& r) { return http_file(r, body, "\"a\""); });
  for (const std::string& state :
       {std::string("{"), std::string("[1]"), std::string("{\"url\": 5}"),
        std::string(100'000, ' '),
        fmt::format(R"({{"url": "{}", "etag": 1, "size_bytes": -4}})", server.url("/m.gguf"))}) {
    std::ofstream(part) << "rubbish";
    std::ofstream(part + ".json") << state;
    EXPECT_EQ(from(server), body.size());
    EXPECT_EQ(on_disk(), body);
  }
}

TEST_F(Download, checks_the_size_before_the_first_byte) {
  const LoopbackServer server([&](const HttpRequest& r) { return http_file(r, body, "\"a\""); });
  options.size_max = body.size() - 1;
  EXPECT_EQ(code(from(server)), "P0205");
  EXPECT_TRUE(nothing_left());
  options.size_max = body.size();
  options.size_expected = body.size() + 1;
  EXPECT_EQ(code(from(server)), "P0207");
  EXPECT_TRUE(nothing_left());
  options.size_expected = body.size();
  EXPECT_EQ(from(server), body.size());
}

TEST_F(Download, refuses_a_file_that_the_disk_cannot_hold) {
  options.size_max = UINT64_MAX;
  const LoopbackServer server([&](const HttpRequest&) {
    return HttpAnswer{http_head("200 OK", {{"Content-Length", "9000000000000000000"}}) + "GGUF"};
  });
  EXPECT_EQ(code(from(server)), "P0206");
}

TEST_F(Download, stops_at_the_limit_when_the_size_is_not_told) {
  const std::string chunk = fmt::format("{:x}\r\n{}\r\n", body.size(), body);
  const LoopbackServer server([&](const HttpRequest&) {
    return HttpAnswer{http_head("200 OK", {{"Transfer-Encoding", "chunked"}}) + chunk + chunk +
                      chunk + chunk + "0\r\n\r\n"};
  });
  EXPECT_EQ(code(from(server)), "P0205");
  EXPECT_TRUE(nothing_left());
  options.size_max = 4 * body.size();
  EXPECT_EQ(from(server), 4 * body.size());
}

TEST_F(Download, refuses_an_end_that_may_be_a_broken_connection) {
  const LoopbackServer endless(
      [&](const HttpRequest&) { return HttpAnswer{http_head("200 OK", {}) + body}; });
  EXPECT_EQ(code(from(endless)), "P0207");
  EXPECT_TRUE(nothing_left());
  options.size_expected = body.size();
  EXPECT_EQ(from(endless), body.size());
  std::filesystem::remove(part);
  options.size_expected = body.size() + 1;
  EXPECT_EQ(code(from(endless)), "P0207");
  options.size_expected.reset();
  const LoopbackServer cut_chunk([&](const HttpRequest&) {
    return HttpAnswer{http_head("200 OK", {{"Transfer-Encoding", "chunked"}}) + "ff\r\nabc"};
  });
  EXPECT_EQ(code(from(cut_chunk)), "P0203");
}

TEST_F(Download, refuses_an_empty_file) {
  const LoopbackServer server([&](const HttpRequest&) { return http_answer("200 OK", ""); });
  EXPECT_EQ(code(from(server)), "P0207");
}

TEST_F(Download, follows_redirects_on_the_machine_itself) {
  const LoopbackServer server([&](const HttpRequest& r) {
    return r.path == "/m.gguf" ? http_answer("302 Found", "", {{"Location", "/b/m.gguf"}})
                               : http_file(r, body, "\"a\"");
  });
  EXPECT_EQ(from(server), body.size());
  EXPECT_EQ(on_disk(), body);
}

TEST_F(Download, follows_no_redirect_to_a_place_that_is_not_https) {
  for (const std::string target :
       {"http://example.org/m.gguf", "file:///etc/passwd", "ftp://127.0.0.1/m.gguf",
        "http://127.0.0.1.example.org/m.gguf", "http://user:pw@127.0.0.1/m.gguf"}) {
    const LoopbackServer server(
        [&](const HttpRequest&) { return http_answer("302 Found", "", {{"Location", target}}); });
    EXPECT_EQ(code(from(server)), "P0201") << target;
    EXPECT_EQ(server.requests().size(), 1U);
  }
}

TEST_F(Download, ends_a_circle_of_redirects) {
  const LoopbackServer server(
      [&](const HttpRequest&) { return http_answer("302 Found", "", {{"Location", "/m.gguf"}}); });
  EXPECT_EQ(code(from(server)), "P0201");
  EXPECT_LT(server.requests().size(), 20U);
}

TEST_F(Download, says_what_the_server_answered) {
  for (const std::string status : {"404 Not Found", "401 Unauthorized", "403 Forbidden",
                                   "204 No Content", "300 Multiple Choices"}) {
    const LoopbackServer server([&](const HttpRequest&) { return http_answer(status, "<html>"); });
    const auto result = from(server);
    EXPECT_EQ(code(result), "P0202") << status;
    EXPECT_THAT(message(result), HasSubstr(status.substr(0, 3)));
  }
}

TEST_F(Download, tries_again_when_the_server_is_busy) {
  int count = 0;
  const LoopbackServer server([&](const HttpRequest& r) {
    return ++count < 3 ? http_answer("503 Busy", "wait") : http_file(r, body, "\"a\"");
  });
  options.tries = 3;
  EXPECT_EQ(from(server), body.size());
}

TEST_F(Download, does_not_read_an_error_page_without_end) {
  const LoopbackServer server([&](const HttpRequest&) {
    return HttpAnswer{http_head("404 Not Found", {}) + std::string(3'000'000, 'x')};
  });
  EXPECT_NE(code(from(server)), "downloaded");
}

TEST_F(Download, gives_up_on_a_server_that_never_answers_or_falls_silent) {
  const LoopbackServer silent([&](const HttpRequest&) { return HttpAnswer{"", true}; });
  EXPECT_EQ(code(from(silent)), "P0203");
  const LoopbackServer half([&](const HttpRequest& r) {
    auto answer = cut(http_file(r, body, "\"a\""), 1000);
    answer.keep_open = true;
    return answer;
  });
  EXPECT_EQ(code(from(half)), "P0203");
  EXPECT_EQ(on_disk(), body.substr(0, 1000));
}

TEST_F(Download, stops_when_it_is_told_to_and_keeps_what_it_has) {
  const LoopbackServer server([&](const HttpRequest& r) {
    auto answer = cut(http_file(r, body, "\"a\""), 1000);
    answer.keep_open = true;
    return answer;
  });
  options.stall_timeout = std::chrono::seconds(60);
  options.watch.cancelled = [&] { return std::filesystem::exists(part + ".json"); };
  const auto result = from(server);
  ASSERT_EQ(code(result), "P0499");
  EXPECT_EQ(result.error().front().exit, ExitCode::interrupted);
  EXPECT_LE(on_disk().size(), 1000U);
}

TEST_F(Download, says_when_nobody_listens) {
  std::string url;
  {
    const LoopbackServer gone([](const HttpRequest&) { return HttpAnswer{}; });
    url = gone.url("/m.gguf");
  }
  EXPECT_EQ(code(download(url, part, options)), "P0203");
}

// A limit on the size of files stands in for a full disk.
TEST_F(Download, says_when_the_disk_refuses_and_keeps_what_it_has) {
  const LoopbackServer server([&](const HttpRequest& r) { return http_file(r, body, "\"a\""); });
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler_before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 100'000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto result = from(server);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler_before);
  EXPECT_EQ(code(result), "P0404");
  EXPECT_EQ(on_disk(), body.substr(0, 100'000));
  EXPECT_EQ(from(server), body.size());
  EXPECT_EQ(on_disk(), body);
}

TEST_F(Download, says_when_the_folder_is_not_there) {
  const LoopbackServer server([&](const HttpRequest& r) { return http_file(r, body, "\"a\""); });
  EXPECT_EQ(code(download(server.url("/m.gguf"), folder.path("no/m.part"), options)), "P0404");
}

TEST_F(Download, does_not_write_through_a_link) {
  const std::string target = folder.write("precious", "keep me");
  std::filesystem::create_symlink(target, part);
  const LoopbackServer server([&](const HttpRequest& r) { return http_file(r, body, "\"a\""); });
  EXPECT_EQ(code(from(server)), "P0404");
  EXPECT_EQ(test::bytes_of(target), "keep me");
}

TEST(Address, is_https_or_the_machine_itself) {
  for (const std::string good :
       {"https://example.org/a.gguf", "https://example.org:8443/a/b.gguf?download=true",
        "http://127.0.0.1:80/a.gguf", "http://localhost/a.gguf", "http://[::1]:9/a.gguf"}) {
    EXPECT_TRUE(check_url(good)) << good;
  }
  for (const std::string bad :
       {"http://example.org/a.gguf", "http://localhost.example.org/a", "http://127.0.0.2/a.gguf",
        "ftp://example.org/a", "file:///etc/passwd", "https://u:p@example.org/a.gguf",
        "https://u@example.org/a.gguf", "https://", "example.org/a.gguf", "", "https://a b/c.gguf",
        "https://example.org/\x1b[31m.gguf", "https://example.org/\n.gguf"}) {
    EXPECT_FALSE(check_url(bad)) << bad;
  }
}

TEST(Address, has_to_end_in_a_plain_file_name) {
  EXPECT_EQ(url_file_name("https://x.org/a/Model-1.5_q4.gguf?download=true#x"),
            "Model-1.5_q4.gguf");
  for (const std::string bad :
       {"https://x.org/", "https://x.org", "https://x.org/a.bin", "https://x.org/.gguf",
        "https://x.org/.hidden.gguf", "https://x.org/-rf.gguf", "https://x.org/..%2fa.gguf",
        "https://x.org/a%0ab.gguf", "https://x.org/a%1b.gguf", "https://x.org/q?f=a.gguf",
        "https://x.org/a.gguf/", "https://x.org/a b.gguf"}) {
    EXPECT_FALSE(url_file_name(bad)) << bad;
  }
  EXPECT_FALSE(is_gguf_name(std::string(300, 'a') + ".gguf"));
}

TEST(Address, of_the_hub_has_organisation_repository_and_file) {
  ::unsetenv("HF_ENDPOINT");
  EXPECT_EQ(hugging_face_url("hf:org/repo/file.gguf"),
            "https://huggingface.co/org/repo/resolve/main/file.gguf");
  EXPECT_EQ(hugging_face_url("hf:org/repo/sub/file.gguf"),
            "https://huggingface.co/org/repo/resolve/main/sub/file.gguf");
  for (const std::string bad :
       {"hf:", "hf:a", "hf:a/b", "hf:a/b/", "hf:a/b/c", "hf:a/b/c.bin", "hf:/b/c.gguf",
        "hf:a//c.gguf", "hf:../b/c.gguf", "hf:a/../c.gguf", "hf:a/b/../c.gguf", "hf:a/b/c?.gguf",
        "hf:a/b@x/c.gguf", "hf:a\n/b/c.gguf"}) {
    EXPECT_FALSE(hugging_face_url(bad)) << bad;
  }
  ::setenv("HF_ENDPOINT", "https://mirror.example.org/hub/", 1);
  EXPECT_EQ(hugging_face_url("hf:a/b/c.gguf"),
            "https://mirror.example.org/hub/a/b/resolve/main/c.gguf");
  ::setenv("HF_ENDPOINT", "http://mirror.example.org", 1);
  EXPECT_FALSE(hugging_face_url("hf:a/b/c.gguf"));
  ::unsetenv("HF_ENDPOINT");
}

}  // namespace
}  // namespace churon::model
