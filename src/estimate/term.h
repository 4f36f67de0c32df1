// Why a number is what it is: a tree of terms, each with its formula and where its inputs come
// from.
// `--explain` prints it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace churon::estimate {

struct Term {
  std::string key = {};      // "tpot", "attn_qkv": words of --explain, joined by dots
  std::string text = {};     // "time per output token"
  double value = 0;          // in `unit`
  std::string unit = {};     // a base unit: "s", "B", "W", "J", "token/s", "1"
  std::string formula = {};  // "max(compute, memory, link) + fixed"; empty: an input
  std::string source = {};   // of an input: "NVIDIA H200 data sheet", "data/efficiency.csv: fitted"
  std::vector<Term> children = {};
};

// The term of that path ("tpot.decode.attn_qkv"), or the first of that key at any depth; nullptr:
// none.
const Term* find(const Term& root, std::string_view key);

}  // namespace churon::estimate
