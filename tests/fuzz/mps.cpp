// The bytes are an MPS file; what is taken is written and read again as the same program.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "plan/mps.h"

using namespace churon;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto program = plan::parse_mps(text, "fuzz.mps");
  if (!program) {
    (void)to_text(program.error());
    return 0;
  }
  const auto again = plan::parse_mps(plan::mps(*program), "again.mps");
  // Names that free format cannot hold may become equal; nothing else may go wrong.
  if (again) {
    check(again->variable_count() == program->variable_count(), again->variable_count());
    check(again->term_count() == program->term_count(), again->term_count());
  } else {
    check(again.error().front().code == "S0105", again.error().front().message);
  }
  return 0;
}
