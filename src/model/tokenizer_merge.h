// Merging neighbours until none can be merged: the common core of BPE and SentencePiece. The pair
// with the lowest rank goes first, of equal ranks the leftmost. A queue of pairs and a linked list
// of symbols make it n log n; a text without a space is no special case.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <string_view>
#include <vector>

namespace churon::model {

inline constexpr std::uint32_t kNoSymbol = 0xffffffff;

// A part of the text that is or may become one token. Symbols form a list; one that was merged into
// its left neighbour has length 0.
struct Symbol {
  std::uint32_t offset;
  std::uint32_t length;
  std::uint32_t previous;
  std::uint32_t next;
  std::optional<std::uint32_t> rank = {};  // of the pair with the next symbol
};

// `rank_of_pair(left, right)` gives the rank of two texts, or nothing where they do not merge.
template <typename RankOfPair>
void merge_symbols(std::string_view text, std::vector<Symbol>& symbols, RankOfPair rank_of_pair) {
  // Rank and left symbol in one number, so that the lowest is the next to merge. An entry counts
  // only while the symbol still has that rank.
  using Entry = std::uint64_t;
  const auto entry_of = [&](std::uint32_t left) -> std::optional<Entry> {
    Symbol& a = symbols[left];
    a.rank.reset();
    if (a.next != kNoSymbol) {
      const Symbol& b = symbols[a.next];
      a.rank = rank_of_pair(text.substr(a.offset, a.length), text.substr(b.offset, b.length));
    }
    return a.rank ? std::optional(Entry{*a.rank} << 32 | left) : std::nullopt;
  };

  std::vector<Entry> first;  // the pairs of the start, sorted; those found later are queued
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> found;
  for (std::uint32_t i = 0; i < symbols.size(); ++i) {
    if (const auto entry = entry_of(i)) {
      first.push_back(*entry);
    }
  }
  std::sort(first.begin(), first.end());
  auto next_first = first.begin();
  while (next_first != first.end() || !found.empty()) {
    Entry entry = 0;
    if (found.empty() || (next_first != first.end() && *next_first < found.top())) {
      entry = *next_first++;
    } else {
      entry = found.top();
      found.pop();
    }
    const auto index = static_cast<std::uint32_t>(entry);
    Symbol& left = symbols[index];
    if (left.length == 0 || left.rank != static_cast<std::uint32_t>(entry >> 32)) {
      continue;
    }
    Symbol& right = symbols[left.next];
    left.length += right.length;
    right.length = 0;
    left.next = right.next;
    if (left.next != kNoSymbol) {
      symbols[left.next].previous = index;
    }
    if (left.previous != kNoSymbol) {
      if (const auto with_previous = entry_of(left.previous)) {
        found.push(*with_previous);
      }
    }
    if (const auto with_next = entry_of(index)) {
      found.push(*with_next);
    }
  }
}

}  // namespace churon::model
