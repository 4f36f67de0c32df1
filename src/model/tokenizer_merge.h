// Merging neighbours until none can be merged: the common core of BPE and SentencePiece. The pair
// with the lowest rank goes first, of equal ranks the leftmost. A queue of pairs and a linked list
// of symbols make it n log n; a text without a space is no special case.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace churon::model {

// A part of the text that is or may become one token. Symbols form a list; one that was merged into
// its left neighbour has length 0.
struct Symbol {
  std::uint32_t offset;
  std::uint32_t length;
  std::uint32_t previous;
  std::uint32_t next;
};
inline constexpr std::uint32_t kNoSymbol = 0xffffffff;

// `rank(left, right)` gives the rank of a pair of texts, or nothing where they do not merge.
template <typename Rank, typename RankOfPair>
void merge_symbols(std::string_view text, std::vector<Symbol>& symbols, RankOfPair rank_of_pair) {
  struct Pair {
    Rank rank;
    std::uint32_t left;
    std::uint32_t right;
    std::uint32_t length;  // of both when the pair was found; another length means it is outdated
  };
  const auto later = [](const Pair& a, const Pair& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
  };
  std::vector<Pair> queue;
  const auto found = [&](std::uint32_t left, std::uint32_t right) {
    const Symbol& a = symbols[left];
    const Symbol& b = symbols[right];
    const auto rank =
        rank_of_pair(text.substr(a.offset, a.length), text.substr(b.offset, b.length));
    if (rank) {
      queue.push_back({*rank, left, right, a.length + b.length});
    }
    return rank.has_value();
  };
  for (std::uint32_t i = 0; i + 1 < symbols.size(); ++i) {
    found(i, i + 1);
  }
  std::make_heap(queue.begin(), queue.end(), later);
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), later);
    const Pair pair = queue.back();
    queue.pop_back();
    Symbol& left = symbols[pair.left];
    Symbol& right = symbols[pair.right];
    if (left.length == 0 || right.length == 0 || left.length + right.length != pair.length) {
      continue;
    }
    left.length += right.length;
    right.length = 0;
    left.next = right.next;
    if (left.next != kNoSymbol) {
      symbols[left.next].previous = pair.left;
    }
    if (left.previous != kNoSymbol && found(left.previous, pair.left)) {
      std::push_heap(queue.begin(), queue.end(), later);
    }
    if (left.next != kNoSymbol && found(pair.left, left.next)) {
      std::push_heap(queue.begin(), queue.end(), later);
    }
  }
}

}  // namespace churon::model
