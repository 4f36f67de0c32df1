// What `churon-cbc` (cbc/main.cpp, the program that searches with CBC) and its caller
// (solver_cbc.cpp) tell each other. It reads a task from its standard input up to the end,
// searches, and writes news to its standard output as it has them: a CbcNews and, behind it, its
// values. Both are built together, so numbers go as they lie in memory.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace churon::plan {

// Minimise cost x value: lower <= value <= upper, row_lower <= matrix x value <= row_upper. The
// matrix column by column, an infinite bound as such.
struct CbcTask {
  std::vector<int> starts = {}, rows = {};
  std::vector<double> factors = {};
  std::vector<double> cost = {}, lower = {}, upper = {}, row_lower = {}, row_upper = {};
  std::vector<int> integers = {};  // columns
  double gap = 0;                  // relative
  double time_limit_s = 0;         // infinite: none
};

enum class CbcState {
  searching,
  optimal,     // within the gap
  no_optimum,  // infeasible or unbounded
  stopped,     // by time
  abandoned,   // numerical difficulties
};

// The values are those of a solution that is better than all before, or none. What is told last has
// another state than `searching`.
struct CbcNews {
  CbcState state = CbcState::searching;
  double bound = 0;  // nothing costs less
  std::size_t value_count = 0;
};

// Calls `take` with every field of a task, always in the same order.
template <typename Task, typename Take>
void for_each_field(Task& task, const Take& take) {
  take(task.starts);
  take(task.rows);
  take(task.factors);
  take(task.cost);
  take(task.lower);
  take(task.upper);
  take(task.row_lower);
  take(task.row_upper);
  take(task.integers);
  take(task.gap);
  take(task.time_limit_s);
}

inline std::string bytes_of(const CbcTask& task) {
  std::string bytes;
  const auto append = [&](const void* from, std::size_t size) {
    bytes.append(static_cast<const char*>(from), size);
  };
  for_each_field(task, [&](const auto& field) {
    if constexpr (std::is_arithmetic_v<std::decay_t<decltype(field)>>) {
      append(&field, sizeof field);
    } else {
      const std::size_t count = field.size();
      append(&count, sizeof count);
      append(field.data(), count * sizeof field[0]);
    }
  });
  return bytes;
}

// False where the bytes are not those of one whole task.
inline bool read_task(std::string_view bytes, CbcTask& task) {
  bool is_whole = true;
  const auto extract = [&](void* to, std::size_t size) {
    is_whole = is_whole && size <= bytes.size();
    if (is_whole && size > 0) {
      std::memcpy(to, bytes.data(), size);
      bytes.remove_prefix(size);
    }
  };
  for_each_field(task, [&](auto& field) {
    if constexpr (std::is_arithmetic_v<std::decay_t<decltype(field)>>) {
      extract(&field, sizeof field);
    } else {
      std::size_t count = 0;
      extract(&count, sizeof count);
      is_whole = is_whole && count <= bytes.size() / sizeof field[0];
      field.resize(is_whole ? count : 0);
      extract(field.data(), field.size() * sizeof field[0]);
    }
  });
  return is_whole && bytes.empty();
}

}  // namespace churon::plan
