// What the CBC side (cbc/search.cpp, a shared object that is opened when it is first needed) and
// its caller (solver_cbc.cpp) tell each other. CBC's C++ interface is what says, during a search,
// what has been found so far.
#pragma once

#include <functional>
#include <span>
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

struct CbcNews {
  CbcState state = CbcState::searching;
  double bound = 0;  // nothing costs less
};

// The values are those of a solution that is better than all before, or none. Called by the thread
// that searches; what is told last has another state than `searching`.
using CbcListener = std::function<void(const CbcNews&, std::span<const double> values)>;

// `churon_cbc_search` of the shared object.
using CbcSearch = void(const CbcTask&, const CbcListener&);

}  // namespace churon::plan
