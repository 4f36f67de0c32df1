// docs/chip-reference.md is made from the key tables.
#include "chip/schema.h"
#include "golden.h"

namespace churon::chip {
namespace {

TEST(ChipReference, is_what_the_key_tables_say) {
  golden::compare(reference_page(), CHURON_SOURCE_DIR "/docs/chip-reference.md");
}

}  // namespace
}  // namespace churon::chip
