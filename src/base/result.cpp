#include "base/result.h"

#include <algorithm>

#include "base/text.h"

namespace churon {

tl::unexpected<Diagnostics> fail(Diagnostic diagnostic) {
  return tl::unexpected(Diagnostics{std::move(diagnostic)});
}

tl::unexpected<Diagnostics> fail(std::string code, std::string message,
                                 std::vector<std::string> help) {
  return fail(
      Diagnostic{.code = std::move(code), .message = std::move(message), .help = std::move(help)});
}

namespace {

struct Style {
  std::string_view severity, bold, frame, reset;
};

std::string excerpt(const SourceSpan& span, const Style& style) {
  const std::string number = std::to_string(span.line);
  const std::string gutter(number.size(), ' ');
  const std::string line = escape_control(span.text);
  // The caret stands under the escaped text: measure what precedes it after escaping, in columns.
  const auto before = std::min<std::size_t>(std::max(span.column - 1, 0), span.text.size());
  const auto indent = display_width(escape_control(span.text.substr(0, before)));
  const auto marked = span.text.substr(before, std::max(span.length, 1));
  const auto carets = std::max<std::size_t>(1, display_width(escape_control(marked)));
  std::string text;
  text += fmt::format("{}{} |{}\n", style.frame, gutter, style.reset);
  text += fmt::format("{}{} |{} {}\n", style.frame, number, style.reset, line);
  text += fmt::format("{}{} |{} {}{}{}", style.frame, gutter, style.reset, std::string(indent, ' '),
                      style.severity, std::string(carets, '^'));
  if (!span.label.empty()) {
    text += " " + escape_control(span.label);
  }
  text += fmt::format("{}\n{}{} |{}\n", style.reset, style.frame, gutter, style.reset);
  return text;
}

}  // namespace

std::string to_text(const Diagnostic& diagnostic, bool color) {
  const bool is_error = diagnostic.severity == Severity::error;
  const Style style =
      color ? Style{is_error ? "\x1b[1;31m" : "\x1b[1;33m", "\x1b[1m", "\x1b[34m", "\x1b[0m"}
            : Style{};
  std::string text = fmt::format("{}{}{}", style.severity, is_error ? "error" : "warning",
                                 diagnostic.code.empty() ? "" : "[" + diagnostic.code + "]");
  text += fmt::format("{}: {}{}{}\n", style.reset, style.bold, escape_control(diagnostic.message),
                      style.reset);
  std::string gutter;
  if (const auto& span = diagnostic.span) {
    if (span->line > 0) {
      gutter = std::string(std::to_string(span->line).size(), ' ');
      text += fmt::format("{}{}-->{} {}:{}:{}\n", gutter, style.frame, style.reset,
                          escape_control(span->file), span->line, span->column);
      constexpr std::size_t kShownMax = 400;  // bytes: a longer line says where, and is not shown
      const bool is_shown = !span->text.empty() && span->text.size() <= kShownMax;
      text += is_shown ? excerpt(*span, style) : "";
    } else {
      text += fmt::format("{} -->{} {}\n", style.frame, style.reset, escape_control(span->file));
    }
  }
  for (const auto& note : diagnostic.notes) {
    text +=
        fmt::format("{}{} ={} note: {}\n", gutter, style.frame, style.reset, escape_control(note));
  }
  for (const auto& help : diagnostic.help) {
    text +=
        fmt::format("{}{} ={} help: {}\n", gutter, style.frame, style.reset, escape_control(help));
  }
  return text;
}

std::string to_text(const Diagnostics& diagnostics, bool color) {
  std::string text;
  for (const auto& diagnostic : diagnostics) {
    if (!text.empty()) {
      text += "\n";
    }
    text += to_text(diagnostic, color);
  }
  return text;
}

}  // namespace churon
