#include "model/tokenizer_special.h"

#include <algorithm>

namespace churon::model {

namespace {

constexpr bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The first index of [first, last) for which `holds`, which is false and then true; else `last`.
template <typename Predicate>
std::size_t first_where(std::size_t first, std::size_t last, Predicate holds) {
  while (first < last) {
    const std::size_t middle = first + (last - first) / 2;
    if (holds(middle)) {
      last = middle;
    } else {
      first = middle + 1;
    }
  }
  return first;
}

// How far the trusted range around `at` goes; `at` itself where there is none.
std::size_t trusted_end(std::span<const TextRange> trusted, std::size_t at) {
  const auto behind = std::upper_bound(
      trusted.begin(), trusted.end(), at,
      [](std::size_t value, const TextRange& range) { return value < range.begin; });
  return behind == trusted.begin() ? at : std::max(at, std::prev(behind)->end);
}

}  // namespace

SpecialTokens::SpecialTokens(const Vocabulary& vocabulary, bool strips_right) {
  for (std::size_t i = 0; i < vocabulary.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const TokenKind kind = vocabulary.kind(id);
    const std::string_view text = vocabulary.text(id);
    if (is_special(kind) && !text.empty()) {
      const bool keeps = text == "<unk>" || text == "<s>" || text == "<|endoftext|>";
      entries_.push_back({.text = text,
                          .id = id,
                          .control = kind != TokenKind::user_defined,
                          .strips_right = strips_right && !keeps});
    }
  }
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.text < b.text; });
  std::size_t begin = 0;
  while (begin < entries_.size()) {
    std::size_t end = begin;
    while (end < entries_.size() && entries_[end].text[0] == entries_[begin].text[0]) {
      ++end;
    }
    by_byte_[static_cast<unsigned char>(entries_[begin].text[0])] = {begin, end};
    begin = end;
  }
}

const SpecialTokens::Entry* SpecialTokens::longest_match(std::string_view text, std::size_t begin,
                                                         std::size_t end,
                                                         std::span<const TextRange> trusted) const {
  const Entry* longest = nullptr;
  auto [first, last] = by_byte_[static_cast<unsigned char>(text[begin])];
  // Invariant: the entries of [first, last) agree with the text in `depth` bytes.
  for (std::size_t depth = 1; first < last && begin + depth <= end; ++depth) {
    if (entries_[first].text.size() == depth) {
      if (!entries_[first].control || begin + depth <= trusted_end(trusted, begin)) {
        longest = &entries_[first];
      }
      ++first;
    }
    if (begin + depth == end) {
      break;
    }
    const auto next = static_cast<unsigned char>(text[begin + depth]);
    const auto byte_at_depth = [&](std::size_t i) {
      return static_cast<unsigned char>(entries_[i].text[depth]);
    };
    first = first_where(first, last, [&](std::size_t i) { return byte_at_depth(i) >= next; });
    last = first_where(first, last, [&](std::size_t i) { return byte_at_depth(i) > next; });
  }
  return longest;
}

std::vector<SpecialTokens::Fragment> SpecialTokens::partition(
    std::string_view text, std::span<const TextRange> trusted) const {
  struct Candidate {
    const Entry* entry;
    std::size_t begin;
  };
  const auto later = [](const Candidate& a, const Candidate& b) {
    return a.entry->text.size() != b.entry->text.size()
               ? a.entry->text.size() < b.entry->text.size()
               : a.begin > b.begin;
  };
  std::vector<Candidate> queue;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (by_byte_[static_cast<unsigned char>(text[i])].end > 0) {
      if (const Entry* entry = longest_match(text, i, text.size(), trusted)) {
        queue.push_back({entry, i});
      }
    }
  }

  std::vector<Fragment> taken;  // tokens with the white space that went with them
  if (!queue.empty()) {
    std::vector<bool> used(text.size());
    std::make_heap(queue.begin(), queue.end(), later);
    while (!queue.empty()) {
      std::pop_heap(queue.begin(), queue.end(), later);
      const auto [entry, begin] = queue.back();
      queue.pop_back();
      std::size_t end = begin;
      while (end < begin + entry->text.size() && !used[end]) {
        used[end++] = true;
      }
      if (end == begin + entry->text.size()) {
        while (entry->strips_right && end < text.size() && !used[end] &&
               is_ascii_space(text[end])) {
          used[end++] = true;
        }
        taken.push_back({{begin, end}, entry->id});
        continue;
      }
      // A longer token has taken what follows; perhaps a shorter one fits before it.
      for (std::size_t i = begin; i < end; ++i) {
        used[i] = false;
      }
      if (end > begin) {
        if (const Entry* shorter = longest_match(text, begin, end, trusted)) {
          queue.push_back({shorter, begin});
          std::push_heap(queue.begin(), queue.end(), later);
        }
      }
    }
    std::sort(taken.begin(), taken.end(),
              [](const Fragment& a, const Fragment& b) { return a.range.begin < b.range.begin; });
  }

  std::vector<Fragment> fragments;
  std::size_t begin = 0;
  for (const Fragment& token : taken) {
    if (token.range.begin > begin) {
      fragments.push_back({{begin, token.range.begin}, std::nullopt});
    }
    fragments.push_back(token);
    begin = token.range.end;
  }
  if (begin < text.size()) {
    fragments.push_back({{begin, text.size()}, std::nullopt});
  }
  return fragments;
}

}  // namespace churon::model
