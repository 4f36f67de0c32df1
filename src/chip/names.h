// What a person calls a chip: "h200", "NVIDIA H200-SXM", "trn2". The file's name is the short name
// and means the SXM or OAM part; the description adds its own name and aliases.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chip/chip.h"

namespace churon::chip {

struct Names {
  std::string id;                   // of the file, without `.toml`
  std::vector<std::string> others;  // the description's name and aliases
  bool is_of_user = false;          // of the user's folder
};

// Whether load() opens the text as a file instead of looking for a chip of that name.
bool is_chip_path(std::string_view chip);

// In lower case, without separators and without the maker in front: "Intel Gaudi 3" -> "gaudi3".
std::string comparable_chip_name(std::string_view name);

// Of each description, read anew; one that cannot be read has its id alone.
std::vector<Names> names_of(std::span<const Listed> chips);

// The index of the chip that `wanted` names. An id goes before names and aliases; a chip of the
// user's takes the place of the shipped one whose name it has. Errors: C0001 (none), C0002 (several
// could be meant: they share the name, or theirs begin with it).
Result<std::size_t> find_by_name(std::span<const Names> chips, std::string_view wanted);

}  // namespace churon::chip
