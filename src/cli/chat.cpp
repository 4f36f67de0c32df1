// The conversation of `churon run --chat`: history, commands, Ctrl-C stops a reply.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/run.h"
#include "cli/run_stream.h"
#include "exec/generate.h"

namespace churon::cli {

namespace {

constexpr std::size_t kLineBytesMax = std::size_t{1} << 20;

enum class LineEnd { line, end_of_input, interrupted, too_long };

// Lines from standard input, without buffering beyond them and without a library for editing.
class LineReader {
 public:
  LineEnd next(std::string& line) {
    line.clear();
    while (true) {
      const std::size_t newline = buffer_.find('\n');
      if (newline != std::string::npos) {
        line = buffer_.substr(0, newline);
        buffer_.erase(0, newline + 1);
        return LineEnd::line;
      }
      if (buffer_.size() > kLineBytesMax) {
        buffer_.clear();
        return LineEnd::too_long;
      }
      std::array<char, 4096> chunk{};
      const ssize_t got = ::read(STDIN_FILENO, chunk.data(), chunk.size());
      if (got > 0) {
        buffer_.append(chunk.data(), static_cast<std::size_t>(got));
      } else if (got < 0 && errno == EINTR) {
        return LineEnd::interrupted;
      } else if (buffer_.empty()) {
        return LineEnd::end_of_input;
      } else {
        line = std::exchange(buffer_, {});
        return LineEnd::line;
      }
    }
  }

 private:
  std::string buffer_;
};

class Conversation {
 public:
  Conversation(const RunFlags& flags, const Setup& setup, const Terminal& terminal,
               exec::Session session)
      : flags_(flags), setup_(setup), terminal_(terminal), session_(std::move(session)) {
    options_.count = flags.count;
    options_.sampler = flags.sampler;
    if (!flags.ignore_eos) {
      const auto ends = setup.tokenizer().end_ids();
      options_.end_ids.assign(ends.begin(), ends.end());
    }
    reset();
  }

  void reset() {
    messages_.clear();
    if (!flags_.system_prompt.empty()) {
      messages_.push_back({"system", flags_.system_prompt});
    }
    plain_ = flags_.system_prompt;
  }

  // Answers one message. An error leaves the conversation as it was.
  Result<void> reply(const std::string& message) {
    const auto messages_before = messages_;
    const std::string plain_before = plain_;
    auto result = try_reply(message);
    if (!result) {
      messages_ = messages_before;
      plain_ = plain_before;
    }
    return result;
  }

 private:
  const RunFlags& flags_;
  const Setup& setup_;
  const Terminal& terminal_;
  exec::Session session_;
  exec::GenerateOptions options_;
  std::vector<model::ChatMessage> messages_;
  std::string plain_;                   // the whole conversation where there is no template
  std::vector<model::TokenId> cached_;  // ids of the positions in the session's cache

  [[nodiscard]] Result<std::vector<model::TokenId>> prompt(const std::string& message) {
    if (!setup_.chat_template()) {
      plain_ += plain_.empty() ? message : "\n" + message;
      return model::plain_prompt(setup_.tokenizer(), plain_, flags_.parse_special);
    }
    messages_.push_back({"user", message});
    auto rendered = model::chat_prompt(setup_.tokenizer(), *setup_.chat_template(), messages_,
                                       {.parse_special = flags_.parse_special});
    if (!rendered) {
      return template_error(rendered.error(), setup_.model().file.path);
    }
    return rendered;
  }

  Result<void> try_reply(const std::string& message) {
    const auto ids = prompt(message);
    if (!ids) {
      return fail(ids);
    }
    if (ids->empty() || static_cast<std::int64_t>(ids->size()) > session_.context()) {
      return fail("U0202",
                  fmt::format("the conversation has {} tokens, the context {} positions",
                              ids->size(), session_.context()),
                  {"/reset begins a new one; -c makes the context larger"});
    }
    // The cache already holds what this prompt begins with; at least one token is new.
    const std::size_t kept = std::min(model::common_prefix(cached_, *ids), ids->size() - 1);
    session_.truncate(static_cast<std::int64_t>(kept));
    const std::span<const model::TokenId> all(*ids);
    TextStream stream(setup_.tokenizer(), flags_.stops, terminal_, true);
    const auto generation =
        exec::generate(session_, all.first(kept), all.subspan(kept), options_,
                       [&](const exec::GeneratedToken& token) { return stream.add(token.id); });
    stream.finish();
    terminal_.out("\n");
    cached_ = *ids;
    if (generation) {
      cached_.insert(cached_.end(), generation->ids.begin(), generation->ids.end());
    }
    cached_.resize(std::min(cached_.size(), static_cast<std::size_t>(session_.position())));
    if (!generation) {
      return fail(generation);
    }
    messages_.push_back({"assistant", stream.text()});
    plain_ += stream.text();
    after(ids->size(), *generation);
    return {};
  }

  // One line: how much, how fast here, how fast on the chip.
  void summarise(std::size_t prompt_tokens, const exec::Generation& generation) const {
    const auto tokens = static_cast<std::int64_t>(generation.ids.size());
    std::string line = report::counted(tokens, "token");
    if (generation.decode_time.value() > 0) {
      line += fmt::format(
          ", {} tok/s on this machine",
          report::number(static_cast<double>(tokens - 1) / generation.decode_time.value()));
    }
    const auto chip =
        evaluate::evaluate_run(setup_.chips().front(), setup_.model(),
                               {.prompt_tokens = static_cast<std::int64_t>(prompt_tokens),
                                .output_tokens = tokens,
                                .batch = flags_.setup.batch,
                                .context = setup_.context()},
                               setup_.run_options());
    if (chip) {
      line += fmt::format("; {} tok/s, {}/token on {}, simulated, not yet validated",
                          report::number(chip->tokens_per_s),
                          report::text(chip->energy_per_token, charset()),
                          escape_control(chip->chip_name));
    }
    terminal_.note("[" + line + "]");
  }

  void after(std::size_t prompt_tokens, const exec::Generation& generation) const {
    switch (generation.stop) {
      case exec::StopReason::context_full:
        terminal_.note(
            "The context is full. /reset begins a new conversation; -c makes it larger.");
        break;
      case exec::StopReason::interrupted:
        terminal_.note("(stopped; /quit ends)");
        break;
      case exec::StopReason::end_token:
      case exec::StopReason::count:
      case exec::StopReason::callback:
        if (terminal_.interactive) {
          summarise(prompt_tokens, generation);
        }
        break;
    }
  }
};

struct Command {
  std::string_view word;
  std::string_view meaning;
};
constexpr std::array kCommands{
    Command{"/reset", "forget the conversation"},
    Command{"/quit", "end; Ctrl-D does the same"},
    Command{"/help", "this list; Ctrl-C stops a reply"},
};

std::string commands_text() {
  std::string text;
  for (const Command& command : kCommands) {
    text += fmt::format("  {:<8}{}\n", command.word, command.meaning);
  }
  return text;
}

}  // namespace

ExitCode chat(const RunFlags& flags, const Setup& setup, const Terminal& terminal) {
  auto session = exec::Session::create(setup.engine());
  if (!session) {
    return failed(terminal, session.error());
  }
  if (!setup.chat_template()) {
    terminal.note(
        "This model has no chat template: the conversation is plain text that it "
        "continues.");
  }
  const bool person = ::isatty(STDIN_FILENO) == 1 && terminal.interactive && !terminal.quiet;
  if (person) {
    terminal.out(fmt::format("{} on {}. /help lists commands, Ctrl-D ends.\n",
                             escape_control(setup.model().hyperparameters.name),
                             escape_control(setup.chips().front().name)));
  }
  Conversation conversation(flags, setup, terminal, std::move(*session));
  LineReader reader;
  ExitCode exit = ExitCode::ok;
  std::optional<std::string> first = flags.prompt;
  while (true) {
    std::string line;
    if (first) {
      line = *std::exchange(first, std::nullopt);
    } else {
      if (person) {
        terminal.out("> ");
      }
      switch (reader.next(line)) {
        case LineEnd::line:
          break;
        case LineEnd::end_of_input:
          if (person) {
            terminal.out("\n");
          }
          return exit;
        case LineEnd::interrupted:
          if (!person) {
            return ExitCode::interrupted;
          }
          clear_interrupt();
          terminal.out("\n(/quit or Ctrl-D ends)\n");
          continue;
        case LineEnd::too_long:
          terminal.note("That line is too long.");
          continue;
      }
    }
    const std::string_view word = trim(line);
    if (word.empty()) {
      continue;
    }
    if (word == "/quit" || word == "/exit") {
      return exit;
    }
    if (word == "/reset") {
      conversation.reset();
      terminal.note("A new conversation begins.");
      continue;
    }
    if (word == "/help") {
      terminal.note(commands_text());
      continue;
    }
    const auto answered = conversation.reply(line);
    exit = ExitCode::ok;
    if (!answered) {
      exit = terminal.report(answered.error());
    }
    if (interrupted() && !person) {
      return ExitCode::interrupted;
    }
    clear_interrupt();
  }
}

}  // namespace churon::cli
