#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "gguf_writer.h"

namespace churon {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Finished {
  int exit = -1;  // 128 + signal where one ended it
  std::string out, err;
};

struct Start {
  std::string input = {};
  std::string stdout_path = {};      // instead of a pipe
  bool close_stdout_early = false;   // after the first byte
  std::string interrupt_after = {};  // SIGINT once this text was seen on stdout
};

// Runs the program to its end. A run of more than a minute is killed.
Finished churon(std::vector<std::string> words, const Start& start = {}) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  EXPECT_EQ(::pipe(in.data()) | ::pipe(out.data()) | ::pipe(err.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(in[0], STDIN_FILENO);
    if (start.stdout_path.empty()) {
      ::dup2(out[1], STDOUT_FILENO);
    } else {
      ::dup2(::open(start.stdout_path.c_str(), O_WRONLY), STDOUT_FILENO);
    }
    ::dup2(err[1], STDERR_FILENO);
    for (const int descriptor : {in[0], in[1], out[0], out[1], err[0], err[1]}) {
      ::close(descriptor);
    }
    ::setenv("LC_ALL", "C.UTF-8", 1);
    ::setenv("CHURON_DATA", CHURON_SOURCE_DIR, 1);
    ::alarm(60);
    words.insert(words.begin(), CHURON_BINARY);
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words) {
      arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    ::execv(CHURON_BINARY, arguments.data());
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  ::close(err[1]);
  ::signal(SIGPIPE, SIG_IGN);
  std::thread writer([&] {
    std::string_view rest = start.input;
    while (!rest.empty()) {
      const ssize_t put = ::write(in[1], rest.data(), rest.size());
      if (put <= 0) {
        break;
      }
      rest.remove_prefix(static_cast<std::size_t>(put));
    }
    ::close(in[1]);
  });
  Finished result;
  std::array<pollfd, 2> polled{{{out[0], POLLIN, 0}, {err[0], POLLIN, 0}}};
  bool sent = false;
  while (polled[0].fd >= 0 || polled[1].fd >= 0) {
    ::poll(polled.data(), polled.size(), -1);
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if (polled[i].fd < 0 || polled[i].revents == 0) {
        continue;
      }
      std::array<char, 4096> chunk{};
      const ssize_t got = ::read(polled[i].fd, chunk.data(), chunk.size());
      if (got <= 0 || (i == 0 && start.close_stdout_early)) {
        ::close(polled[i].fd);
        polled[i].fd = -1;
        continue;
      }
      (i == 0 ? result.out : result.err).append(chunk.data(), static_cast<std::size_t>(got));
      if (!sent && !start.interrupt_after.empty() &&
          result.out.find(start.interrupt_after) != std::string::npos) {
        ::kill(child, SIGINT);
        sent = true;
      }
    }
  }
  writer.join();
  int status = 0;
  ::waitpid(child, &status, 0);
  result.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

// A small random model beside the test. Tests run side by side: the file is there as a whole or
// not.
const std::string& model() {
  static const std::string path = [] {
    const std::string file = ::testing::TempDir() + "churon_cli_tiny.gguf";
    EXPECT_TRUE(write_file_atomically(file, test::tiny_model(model::Architecture::llama).bytes()));
    return file;
  }();
  return path;
}

Json parsed(const std::string& text) {
  EXPECT_TRUE(Json::accept(text)) << text;
  return Json::parse(text, nullptr, false);
}

TEST(CommandLine, without_words_shows_the_help_and_asks_for_a_verb) {
  const Finished done = churon({});
  EXPECT_EQ(done.exit, 2);
  EXPECT_EQ(done.out, "");
  EXPECT_THAT(done.err, HasSubstr("churon run"));
}

TEST(CommandLine, help_and_version_go_to_standard_output) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--help"}, {"run", "--help"}, {"help", "run"}, {"--version"}}) {
    const Finished done = churon(words);
    EXPECT_EQ(done.exit, 0);
    EXPECT_THAT(done.out, HasSubstr("churon"));
    EXPECT_EQ(done.err, "");
  }
}

TEST(CommandLine, every_verb_shows_an_example_before_its_options) {
  const std::string help = churon({"--help"}).out;
  for (const std::string_view line : split(help, '\n')) {
    if (!line.starts_with("  ") || line.starts_with("  churon")) {
      continue;
    }
    const std::string verb(split(trim(line), ' ').front());
    const Finished done = churon({verb, "--help"});
    EXPECT_EQ(done.exit, 0) << verb;
    const std::size_t example = done.out.find("\n  churon " + verb);
    EXPECT_TRUE(example < done.out.find("Usage: ") || done.out.find("churon completion") < example)
        << done.out;
  }
}

TEST(CommandLine, usage_errors_exit_with_2_and_suggest_what_is_near) {
  struct Case {
    std::vector<std::string> words;
    std::string code, hint;
  };
  for (const Case& one : std::vector<Case>{
           {{"rnu"}, "U0101", "`run`"},
           {{"--vresion"}, "U0102", "`--version`"},
           {{"run", model(), "--tmep", "1"}, "U0102", "`--temp`"},
           {{"run", model(), "Hello"}, "U0103", "quotes"},
           {{"run"}, "U0104", "MODEL"},
           {{"run", model(), "-n", "many"}, "U0104", "`many`"},
           {{"run", model(), "-p", "x", "--seed", "-1"}, "U0104", "from 0 to 18446744073709551615"},
           {{"run", model(), "-p", "x", "-s", "0x10"}, "U0104", "`0x10`"},
           {{"cost", "b200", "--seed", "-1"}, "U0104", "--seed: `-1` is no whole number"},
           {{"cost", "b200", "--seed", "18446744073709551616"}, "U0104", "is no whole number"},
           {{"cost", "t.csv", "--vectors", "dies", "--set", "a=1"}, "U0104", "--vectors"},
           {{"compare", "--models", "llama-3.1-8b", "--seed", "-1"}, "U0104", "--seed: `-1`"},
           {{"plan", "s.toml", "--seed", "-1"}, "U0104", "--seed: `-1`"},
           {{"plan", "s.toml", "--gap", "nan"}, "U0104", "`nan` is no number from 0 to 1"},
           {{"plan", "s.toml", "--time-limit", "nan"}, "U0104", "`nan`"},
           {{"compare", "--models", "llama-3.1-8b", "--occupancy", "nan"}, "U0104", "`nan`"},
           {{"run", model(), "-p", "x", "--kv", "q2"}, "U0104", "q8_0"},
           {{"run", model(), "-p", "x", "-n", "0"}, "U0205", "-n -1"},
           {{"run", model(), "-p", "x", "--temp", "nan"}, "U0205", "finite"},
           {{"run", model(), "-p", "x", "-f", "y"}, "U0204", "one of them"},
           {{"run", model(), "--chat", "--json"}, "U0204", "--json"},
       }) {
    const Finished done = churon(one.words);
    EXPECT_EQ(done.exit, 2) << done.err;
    EXPECT_THAT(done.err, StartsWith("error[" + one.code + "]"));
    EXPECT_THAT(done.err, HasSubstr(one.hint));
    EXPECT_EQ(done.out, "");
  }
}

TEST(CommandLine, unknown_models_and_chips_exit_with_1) {
  EXPECT_EQ(churon({"run", "no-such-model", "-p", "x"}).exit, 1);
  EXPECT_EQ(churon({"run", "/no/such/file.gguf", "-p", "x"}).exit, 1);
  const Finished chip = churon({"run", model(), "-p", "x", "--chip", "churon-2"});
  EXPECT_EQ(chip.exit, 1);
  EXPECT_THAT(chip.err, HasSubstr("churon-1"));
  EXPECT_EQ(churon({"run", model(), "-p", "x", "--compare", "b201"}).exit, 1);
}

TEST(CommandLine, run_prints_text_and_summary_or_the_text_alone) {
  const Finished full = churon({"run", model(), "-p", "Hello", "-n", "5"});
  EXPECT_EQ(full.exit, 0) << full.err;
  for (const char* words : {"not yet validated", "analytic", "churon-1", "first token", "per token",
                            "tok/s", "/token", "this machine"}) {
    EXPECT_THAT(full.out, HasSubstr(words));
  }
  const Finished quiet = churon({"run", model(), "-p", "Hello", "-n", "5", "--quiet"});
  EXPECT_EQ(quiet.exit, 0);
  EXPECT_EQ(quiet.err, "");
  EXPECT_THAT(full.out, StartsWith(quiet.out));
}

TEST(CommandLine, run_gives_one_json_document_with_all_of_it) {
  const Finished done = churon({"run", model(), "-p", "Hello", "-n", "5", "--ignore-eos",
                                "--logprobs", "3", "--compare", "b200,mi300x", "--json"});
  ASSERT_EQ(done.exit, 0) << done.err;
  const Json json = parsed(done.out);
  for (const char* field : {"schema",
                            "schema_version",
                            "tool_version",
                            "model_digest",
                            "prompt_ids",
                            "ids",
                            "text",
                            "finish_reason",
                            "chip",
                            "chip_digest",
                            "fidelity",
                            "derate",
                            "seed",
                            "ttft_s",
                            "tpot_s",
                            "energy_per_token_j",
                            "host_prefill_tok_s",
                            "host_decode_tok_s",
                            "host_weight_bytes",
                            "host_kv_bytes",
                            "prefill",
                            "decode",
                            "transcodings",
                            "logprobs",
                            "compare"}) {
    EXPECT_TRUE(json.contains(field)) << field;
  }
  EXPECT_EQ(json["ids"].size(), 5U);
  EXPECT_EQ(json["logprobs"].size(), 5U);
  EXPECT_EQ(json["logprobs"][0]["top"].size(), 3U);
  EXPECT_EQ(json["logprobs"][0]["top"][0]["id"], json["ids"][0]);
  EXPECT_EQ(json["compare"].size(), 2U);
  EXPECT_EQ(json["finish_reason"], "length");
}

TEST(CommandLine, the_same_words_give_the_same_ids_and_a_seed_changes_draws) {
  const auto ids = [](std::vector<std::string> more) {
    std::vector<std::string> words{"run", model(), "-p",           "Hello",
                                   "-n",  "24",    "--ignore-eos", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return parsed(churon(words).out)["ids"].dump();
  };
  EXPECT_EQ(ids({}), ids({"-t", "1"}));
  EXPECT_EQ(ids({}), ids({"--chip", "churon-0"}));
  EXPECT_EQ(ids({"--temp", "1.5", "--seed", "7"}), ids({"--temp", "1.5", "--seed", "7"}));
  EXPECT_NE(ids({"--temp", "1.5", "--seed", "7"}), ids({"--temp", "1.5", "--seed", "8"}));
}

TEST(CommandLine, prompts_of_every_kind_are_taken) {
  const Finished piped = churon({"run", model(), "-n", "2", "--json"}, {.input = "Hello"});
  ASSERT_EQ(piped.exit, 0) << piped.err;
  const Json given = parsed(churon({"run", model(), "-p", "Hello", "-n", "2", "--json"}).out);
  EXPECT_EQ(parsed(piped.out)["prompt_ids"], given["prompt_ids"]);
  for (const std::string& prompt :
       {std::string("\xff\xfe broken \xc3"), std::string("-dash"), std::string("[a,b]"),
        std::string("{}"), std::string("a\nb"), std::string(" ")}) {
    const Finished done = churon({"run", model(), "-p", prompt, "-n", "1", "--json"});
    EXPECT_EQ(done.exit, 0) << done.err;
    EXPECT_GT(parsed(done.out)["prompt_ids"].size(), 0U);
  }
  // With a template even an empty message is a prompt; without one it is none.
  EXPECT_EQ(churon({"run", model(), "-p", "", "-n", "1"}).exit, 0);
  const Finished empty = churon({"run", model(), "-p", "", "-n", "1", "--raw"});
  EXPECT_TRUE(empty.exit == 0 || empty.err.starts_with("error[U0203]")) << empty.err;
}

TEST(CommandLine, the_system_prompt_and_its_short_name_are_the_same) {
  const auto ids = [](const char* flag) {
    return parsed(churon({"run", model(), flag, "Be brief.", "-p", "x", "-n", "1", "--json"})
                      .out)["prompt_ids"]
        .dump();
  };
  EXPECT_EQ(ids("-sys"), ids("--system-prompt"));
}

TEST(CommandLine, a_stop_string_ends_the_text_before_it) {
  const Json whole =
      parsed(churon({"run", model(), "-p", "Hello", "-n", "40", "--ignore-eos", "--json"}).out);
  const std::string text = whole["text"];
  ASSERT_GT(text.size(), 8U);
  const std::string stop = to_valid_utf8(text.substr(text.size() / 2, 3));
  if (text.find(stop) == std::string::npos) {
    GTEST_SKIP() << "the text cannot be cut there";
  }
  const Json cut = parsed(
      churon({"run", model(), "-p", "Hello", "-n", "40", "--ignore-eos", "--stop", stop, "--json"})
          .out);
  EXPECT_EQ(cut["finish_reason"], "stop_string");
  EXPECT_EQ(cut["text"], text.substr(0, text.find(stop)));
}

TEST(CommandLine, a_full_context_ends_well) {
  const Finished done = churon(
      {"run", model(), "-p", "Hello", "-c", "64", "-n", "1000000000", "--ignore-eos", "--json"});
  ASSERT_EQ(done.exit, 0) << done.err;
  const Json json = parsed(done.out);
  EXPECT_EQ(json["finish_reason"], "context_full");
  EXPECT_GE(json["prompt_ids"].size() + json["ids"].size(), 64U);
}

TEST(CommandLine, prompts_without_end_and_beyond_the_context_are_refused) {
  const Finished endless = churon({"run", model(), "-f", "/dev/zero"});
  EXPECT_EQ(endless.exit, 1);
  EXPECT_THAT(endless.err, HasSubstr("-c"));
  const Finished longer =
      churon({"run", model(), "-c", "64"}, {.input = std::string(2000, 'a') + " b c d"});
  EXPECT_EQ(longer.exit, 1);
  EXPECT_THAT(longer.err, HasSubstr("U0202"));
}

TEST(CommandLine, a_context_that_does_not_fit_the_chip_exits_with_3_and_says_what_fits) {
  const Finished done =
      churon({"run", model(), "-p", "x", "--chip", "churon-0", "-c", "1000000000"});
  EXPECT_EQ(done.exit, 3);
  EXPECT_THAT(done.err, HasSubstr("largest context that fits: -c "));
  const Finished batch = churon(
      {"run", model(), "-p", "x", "-n", "1", "--chip", "churon-0", "--sim-batch", "1000000"});
  EXPECT_EQ(batch.exit, 3);
  EXPECT_THAT(batch.err, HasSubstr("--sim-batch "));
}

TEST(CommandLine, a_closed_pipe_is_no_error_and_a_full_disk_is_one) {
  EXPECT_EQ(
      churon({"run", model(), "-p", "x", "-n", "200", "--ignore-eos"}, {.close_stdout_early = true})
          .exit,
      0);
  if (std::filesystem::exists("/dev/full")) {
    const Finished full =
        churon({"run", model(), "-p", "x", "-n", "2"}, {.stdout_path = "/dev/full"});
    EXPECT_EQ(full.exit, 1);
    EXPECT_THAT(full.err, HasSubstr("standard output"));
  }
}

TEST(CommandLine, an_interrupt_keeps_what_was_made_and_exits_with_130) {
  // Two tokens of the quiet text, then Ctrl-C; the context lets it go on for long.
  const std::vector<std::string> words{"run",     model(),        "-p",     "Hello",   "-c",
                                       "1000000", "--ignore-eos", "--chip", "churon-1"};
  const std::string text =
      churon({"run", model(), "-p", "Hello", "-n", "8", "--ignore-eos", "--quiet"}).out;
  const Finished done = churon(words, {.interrupt_after = text.substr(0, 2)});
  EXPECT_EQ(done.exit, 130) << done.err;
  EXPECT_THAT(done.out, HasSubstr("generated: interrupted"));
}

TEST(CommandLine, closed_standard_streams_are_no_input_and_no_output) {
  const auto shell = [](const std::string& command) {
    return WEXITSTATUS(std::system((std::string(CHURON_BINARY) + " " + command).c_str()));
  };
  EXPECT_EQ(shell("run " + model() + " -n 1 --quiet <&- >/dev/null"), 0);
  EXPECT_EQ(shell("run " + model() + " -p x -n 1 --quiet >&- 2>/dev/null"), 1);
  EXPECT_EQ(shell("run " + model() + " -p x -n 1 --quiet >/dev/null 2>&-"), 0);
}

TEST(CommandLine, the_examples_hold) {
  const std::string examples = std::string(CHURON_SOURCE_DIR) + "/examples/";
  EXPECT_EQ(churon({"check", examples + "four-stacks.toml"}).exit, 0);
  const Finished run = churon({"run", model(), "-f", examples + "prompt.txt", "-n", "2", "--chip",
                               examples + "four-stacks.toml", "--compare", "churon-1"});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("four stacks"));
}

TEST(CommandLine, chat_keeps_the_history_and_takes_commands_from_a_pipe) {
  const Finished done =
      churon({"run", model(), "--chat", "-n", "4", "-c", "200"},
             {.input = "Hello\n\n/help\nAnd now?\n/reset\nHello\n/quit\nnot read\n"});
  EXPECT_EQ(done.exit, 0) << done.err;
  EXPECT_THAT(done.err, HasSubstr("/reset"));
  EXPECT_THAT(done.err, HasSubstr("A new conversation begins."));
  EXPECT_THAT(done.out, Not(HasSubstr("> ")));
}

TEST(CommandLine, chat_says_when_the_context_is_full_and_goes_on_after_reset) {
  const Finished done = churon({"run", model(), "--chat", "-n", "40", "-c", "64", "--ignore-eos"},
                               {.input = "Hello\nHello\nHello\n/reset\nHello\n"});
  EXPECT_THAT(done.err, HasSubstr("/reset begins a new one"));
  EXPECT_EQ(done.exit, 0) << done.err;
}

TEST(CommandLine, the_graph_and_the_chip_have_a_text_form) {
  EXPECT_THAT(churon({"run", model(), "--dump", "graph"}).out, HasSubstr("attn_qkv"));
  EXPECT_THAT(churon({"run", model(), "--dump", "chip", "--set", "memory.hbm.stacks=6"}).out,
              HasSubstr("stacks = 6"));
}

TEST(CommandLine, completion_scripts_name_every_verb) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Finished done = churon({"completion", shell});
    EXPECT_EQ(done.exit, 0);
    for (const char* word : {"run", "completion", "chip", "churon-1", "mxint8"}) {
      EXPECT_THAT(done.out, HasSubstr(word)) << shell;
    }
  }
  EXPECT_EQ(churon({"completion", "tcsh"}).exit, 2);
  const std::string script = ::testing::TempDir() + "churon_completion.bash";
  std::ofstream(script) << churon({"completion", "bash"}).out;
  EXPECT_EQ(std::system(("bash -n " + script).c_str()), 0);
  const std::string asks = script +
                           " && COMP_WORDS=(churon run --te) COMP_CWORD=2 && _churon && "
                           "echo \"${COMPREPLY[*]}\" | grep -qx -- --temp";
  EXPECT_EQ(std::system(("bash -c '. " + asks + "'").c_str()), 0);
}

}  // namespace
}  // namespace churon
