// `Result<T>`: a value, or the diagnostics that say why there is none. Rooms return it; only `cli`
// prints and exits. The form of a printed diagnostic is rustc's:
//
//   error[C0103]: unknown key `colums` in [core.matrix]
//    --> chip.toml:9:1
//     |
//   9 | colums = 64
//     | ^^^^^^ did you mean `cols`?
//     |
//     = note: [core.matrix] accepts: cols, k, rows
//     = help: …
//
// Every code has a section in docs/errors.md and a golden in tests/golden/errors.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace churon {

enum class Severity { error, warning };

// A place in a text file. Lines and columns count from 1; columns count bytes.
struct SourceSpan {
  std::string file;
  int line = 0;
  int column = 0;
  int length = 1;
  std::string text;   // the whole line as it stands in the file
  std::string label;  // what is said under the carets
};

// What a process exits with; the meaning is that of design §3 (docs/errors.md lists it).
enum class ExitCode {
  ok = 0,
  input = 1,
  usage = 2,
  infeasible = 3,
  internal = 70,
  interrupted = 130
};

struct Diagnostic {
  std::string code;  // "C0103"; empty only for the system's own words
  std::string message;
  std::optional<SourceSpan> span = {};
  std::vector<std::string> notes = {};
  std::vector<std::string> help = {};
  Severity severity = Severity::error;
  ExitCode exit = ExitCode::input;
};

using Diagnostics = std::vector<Diagnostic>;

template <typename T>
using Result = tl::expected<T, Diagnostics>;

// `return fail("M0201", "…")` from any function that returns a Result.
[[nodiscard]] tl::unexpected<Diagnostics> fail(Diagnostic diagnostic);
[[nodiscard]] tl::unexpected<Diagnostics> fail(std::string code, std::string message,
                                               std::vector<std::string> help = {});
// Passes on the errors of another result.
template <typename T>
[[nodiscard]] tl::unexpected<Diagnostics> fail(const Result<T>& other) {
  return tl::unexpected(other.error());
}

// The text a person reads. Control characters from files are escaped. `color` adds ANSI colours.
std::string to_text(const Diagnostic& diagnostic, bool color = false);
std::string to_text(const Diagnostics& diagnostics, bool color = false);

}  // namespace churon
