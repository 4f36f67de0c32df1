#include "chip/description.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

#include "base/text.h"
#include "chip/schema.h"

namespace churon::chip {

namespace {

constexpr int kAncestorsMax = 8;
constexpr std::size_t kNameLengthMax = 64;

// --- arrays of tables become tables of ids ------------------------------------------------------

class Normaliser {
 public:
  explicit Normaliser(const Texts& texts) : texts_(texts) {}

  Diagnostics normalise(Node& root) {
    for (const Table& table : schema()) {
      if (!table.repeated()) {
        continue;
      }
      Node* node = &root;
      for (const auto& part : split(table.stem(), '.')) {
        Entry* entry = node == nullptr ? nullptr : node->find(part);
        node = entry == nullptr ? nullptr : &entry->value;
      }
      if (node == nullptr) {
        continue;
      }
      if (node->type == NodeType::array && !table.id_key.empty()) {
        *node = table_of_ids(*node, table);
      }
      check_names(*node, table);
    }
    return std::move(found_);
  }

 private:
  Node table_of_ids(const Node& array, const Table& table) {
    Node result;
    result.place = array.place;
    for (const Node& item : array.items) {
      if (item.type != NodeType::table) {
        found_.push_back({.code = "C0107",
                          .message = fmt::format("`{}` is a list of tables, and this is {}",
                                                 table.stem(), name(item.type)),
                          .span = texts_.span(item.place)});
        continue;
      }
      const Entry* id = item.find(table.id_key);
      if (id == nullptr || id->value.type != NodeType::text) {
        found_.push_back(
            {.code = "C0111",
             .message = fmt::format("[[{}]] without its `{}`", table.stem(), table.id_key),
             .span = texts_.span(id == nullptr ? item.place : id->value.place),
             .help = {fmt::format("write {} = \"a-name\" as its first line", table.id_key)}});
        continue;
      }
      if (const Entry* earlier = result.find(id->value.text)) {
        found_.push_back(
            {.code = "C0112",
             .message = fmt::format("two [[{}]] are called `{}`", table.stem(), id->value.text),
             .span = texts_.span(id->value.place),
             .notes = {fmt::format("the first is at {}:{}", texts_.name(earlier->key_place.text),
                                   earlier->key_place.line)}});
        continue;
      }
      Entry element{id->value.text, id->value.place, item};
      std::erase_if(element.value.entries,
                    [&](const Entry& entry) { return entry.key == table.id_key; });
      result.entries.push_back(std::move(element));
    }
    return result;
  }

  void check_names(const Node& node, const Table& table) {
    for (const Entry& entry : node.entries) {
      if (entry.value.type == NodeType::table && !is_bare_name(entry.key)) {
        found_.push_back(
            {.code = "C0111",
             .message = fmt::format("`{}` cannot be the name of a [{}]", entry.key, table.stem()),
             .span = texts_.span(entry.key_place),
             .help = {
                 fmt::format("names are at most {} letters, digits, - and _", kNameLengthMax)}});
      }
    }
  }

  const Texts& texts_;
  Diagnostics found_;
};

// --- merging ------------------------------------------------------------------------------------

void for_each(Node& node, const std::function<void(Node&)>& change) {
  change(node);
  for (Node& item : node.items) {
    for_each(item, change);
  }
  for (Entry& entry : node.entries) {
    for_each(entry.value, change);
  }
}

void mark_inherited(Node& root) {
  for_each(root, [](Node& node) {
    node.origin = OriginKind::inherited;
    ++node.stated;
    ++node.since;
  });
}

void mark_set(Node& value) {
  for_each(value, [](Node& node) {
    node.origin = OriginKind::command_line;
    node.stated = node.since = -1;
  });
}

bool is_same(const Node& a, const Node& b) {
  return a.type == b.type && a.text == b.text && a.integer == b.integer && a.number == b.number &&
         a.flag == b.flag && a.items.empty() && b.items.empty() && a.entries.empty() &&
         b.entries.empty();
}

void replace(Node& old, Node&& value) {
  if (is_same(old, value)) {
    value.since = old.since;
  }
  old = std::move(value);
}

bool is_plain_table(const Node& node) {
  return node.type == NodeType::table && !is_long_form(node);
}

void override_with(Node& base, Node&& changes) {
  base.place = changes.place;
  for (Entry& change : changes.entries) {
    Entry* entry = base.find(change.key);
    if (entry == nullptr) {
      base.entries.push_back(std::move(change));
    } else if (is_plain_table(entry->value) && is_plain_table(change.value)) {
      override_with(entry->value, std::move(change.value));
      entry->key_place = change.key_place;
    } else {
      entry->key_place = change.key_place;
      replace(entry->value, std::move(change.value));
    }
  }
}

// A variant says itself what it is called and what it expects to amount to.
void drop_what_is_not_inherited(Node& parent) {
  const Entry* kind = parent.find("kind");
  const bool is_base = kind != nullptr && kind->value.text == name(Kind::base);
  std::erase_if(parent.entries, [&](const Entry& entry) {
    constexpr std::array<std::string_view, 5> kOwn{"name", "aliases", "summary", "expect",
                                                   "inherit"};
    return std::find(kOwn.begin(), kOwn.end(), entry.key) != kOwn.end() ||
           (is_base && entry.key == "kind");
  });
}

// --- inherit ------------------------------------------------------------------------------------

class Reader {
 public:
  Reader(const FindText& find, Texts& texts) : find_(find), texts_(texts) {}

  Result<Node> read(const ChipText& chip) {
    const int index = texts_.add(chip.file, chip.text);
    Result<Node> root = parse_toml(chip.text, texts_, index);
    if (!root) {
      return root;
    }
    if (auto found = Normaliser(texts_).normalise(*root); !found.empty()) {
      return tl::unexpected(std::move(found));
    }
    if (auto schema = check_schema_version(*root, index); !schema) {
      return fail(schema);
    }
    chain_.push_back(chip.file);
    const Entry* inherit = root->find("inherit");
    if (inherit == nullptr) {
      return root;
    }
    auto parent_text = find_parent(*inherit, chip);
    if (!parent_text) {
      return fail(parent_text);
    }
    Result<Node> parent = read(*parent_text);
    if (!parent) {
      return parent;
    }
    drop_what_is_not_inherited(*parent);
    mark_inherited(*parent);
    std::erase_if(root->entries, [](const Entry& entry) { return entry.key == "inherit"; });
    override_with(*parent, std::move(*root));
    return parent;
  }

 private:
  Result<void> check_schema_version(Node& root, int index) {
    const Entry* schema = root.find("schema");
    if (schema == nullptr) {
      return fail({.code = "C0113",
                   .message = "no `schema`: which version of the key tables is this written for?",
                   .span = texts_.span({.text = index}),
                   .help = {"write schema = 1 as the first line"}});
    }
    if (schema->value.type != NodeType::integer || schema->value.integer != 1) {
      return fail({.code = "C0113",
                   .message = "this tool reads schema 1",
                   .span = texts_.span(schema->value.place)});
    }
    std::erase_if(root.entries, [](const Entry& entry) { return entry.key == "schema"; });
    return {};
  }

  Result<ChipText> find_parent(const Entry& inherit, const ChipText& from) {
    const Node& value = inherit.value;
    if (value.type != NodeType::text || !is_bare_name(value.text)) {
      return fail(
          {.code = "C0304",
           .message = "`inherit` takes the name of a description, not a path",
           .span = texts_.span(value.place),
           .help = {"a name like \"churon-1\" is looked for beside this file, in the user's "
                    "folder and among the shipped chips"}});
    }
    if (static_cast<int>(chain_.size()) >= kAncestorsMax) {
      return fail({.code = "C0303",
                   .message = fmt::format("more than {} descriptions inherit from each other",
                                          kAncestorsMax),
                   .span = texts_.span(value.place),
                   .notes = {"the chain is " + join(chain_, " -> ")}});
    }
    auto found = find_(value.text, from);
    if (!found) {
      return fail({.code = "C0302",
                   .message = fmt::format("there is no description called `{}`", value.text),
                   .span = texts_.span(value.place),
                   .help = {"`churon chips` lists those that ship and your own"}});
    }
    if (*found && std::find(chain_.begin(), chain_.end(), (**found).file) != chain_.end()) {
      return fail({.code = "C0301",
                   .message = fmt::format("`{}` inherits from itself", value.text),
                   .span = texts_.span(value.place),
                   .notes = {"the chain is " + join(chain_, " -> ") + " -> " + (**found).file}});
    }
    return std::move(*found);
  }

  const FindText& find_;
  Texts& texts_;
  std::vector<std::string> chain_;
};

// --- --set --------------------------------------------------------------------------------------

// A value as typed: TOML where it is TOML ("6", "true", "[1, 2]", "{ v = … }"), a text otherwise
// (1.4 GHz).
Node typed_value(std::string_view text) {
  Texts scratch;
  const int index = scratch.add("", text);
  auto parsed = parse_toml(fmt::format("v = {}", text), scratch, index);
  if (parsed && parsed->entries.size() == 1 && parsed->entries[0].key == "v") {
    return std::move(parsed->entries[0].value);
  }
  Node node;
  node.type = NodeType::text;
  node.text = std::string(text);
  return node;
}

void place_all(Node& node, const Place& place) {
  node.place = place;
  for (Node& item : node.items) {
    place_all(item, place);
  }
  for (Entry& entry : node.entries) {
    entry.key_place = place;
    place_all(entry.value, place);
  }
}

class Override {
 public:
  Override(std::string_view text, int index, const Texts& texts)
      : text_(text), index_(index), texts_(texts) {}

  Result<void> apply(Node& root) const {
    const auto equals = text_.find('=');
    const auto path = trim(text_.substr(0, equals));
    if (equals == std::string_view::npos || path.empty()) {
      return malformed();
    }
    const auto parts = split(path, '.');
    for (const auto& part : parts) {
      if (!is_bare_name(part)) {
        return malformed();
      }
    }
    if (parts.size() == 1 &&
        (parts[0] == "schema" || parts[0] == "inherit" || parts[0] == "kind")) {
      return fail({.code = "C0403",
                   .message = fmt::format("`{}` cannot be set on the command line", parts[0]),
                   .span = texts_.span(place(0, path.size()))});
    }
    Node value = typed_value(trim(text_.substr(equals + 1)));
    place_all(value, place(equals + 1, text_.size() - equals - 1));
    mark_set(value);
    return put(root, parts, std::move(value));
  }

 private:
  [[nodiscard]] Place place(std::size_t at, std::size_t length) const {
    return {.text = index_,
            .line = 1,
            .column = static_cast<int>(at) + 1,
            .length = std::max(static_cast<int>(length), 1)};
  }

  [[nodiscard]] tl::unexpected<Diagnostics> malformed() const {
    return fail(
        {.code = "C0401",
         .message = "--set takes a path, `=` and a value",
         .span = texts_.span(place(0, text_.size())),
         .help = {"for example --set memory.hbm.stacks=6 or --set clock.core=\"1.4 GHz\""}});
  }

  Result<void> put(Node& root, const std::vector<std::string_view>& parts, Node&& value) const {
    Node* node = &root;
    std::string stem;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const Place here =
          place(static_cast<std::size_t>(parts[i].data() - text_.data()), parts[i].size());
      Entry* entry = node->find(parts[i]);
      const bool last = i + 1 == parts.size();
      if (entry == nullptr && names_elements(stem, parts[i])) {
        std::vector<std::string> names;
        names.reserve(node->entries.size());
        for (const Entry& element : node->entries) {
          names.push_back(element.key);
        }
        return fail(unknown_name(texts_, here, "C0402",
                                 fmt::format("there is no `{}` in [{}]", parts[i], stem), parts[i],
                                 names));
      }
      if (entry != nullptr && !last && !is_plain_table(entry->value)) {
        return fail({.code = "C0402",
                     .message = fmt::format("`{}` is a value, not a table", path_text(parts, i)),
                     .span = texts_.span(here)});
      }
      if (entry == nullptr) {
        Node table;
        table.place = here;
        table.origin = OriginKind::command_line;
        node->entries.push_back({std::string(parts[i]), here, std::move(table)});
        entry = &node->entries.back();
      }
      if (last) {
        entry->key_place = here;
        replace(entry->value, std::move(value));
        return {};
      }
      stem += (stem.empty() ? "" : ".") + std::string(parts[i]);
      node = &entry->value;
    }
    return {};
  }

  static std::string path_text(const std::vector<std::string_view>& parts, std::size_t last) {
    std::string path;
    for (std::size_t i = 0; i <= last; ++i) {
      path += (path.empty() ? "" : ".") + std::string(parts[i]);
    }
    return path;
  }

  // Whether `part` would be the id of an element of the table at `stem`, and not one of its keys.
  static bool names_elements(std::string_view stem, std::string_view part) {
    bool repeated = false;
    for (const Table& table : schema()) {
      repeated = repeated || (table.repeated() && table.stem() == stem);
      if (table.path == stem && table.find(part) != nullptr) {
        return false;
      }
    }
    return repeated;
  }

  std::string_view text_;
  int index_;
  const Texts& texts_;
};

}  // namespace

bool is_long_form(const Node& node) {
  constexpr std::array<std::string_view, 5> kKeys{"v", "low", "high", "src", "basis"};
  const auto belongs = [&](const Entry& entry) {
    return std::find(kKeys.begin(), kKeys.end(), entry.key) != kKeys.end();
  };
  return node.type == NodeType::table &&
         (node.find("v") != nullptr ||
          (!node.entries.empty() &&
           std::all_of(node.entries.begin(), node.entries.end(), belongs)));
}

bool is_bare_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameLengthMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
         });
}

Diagnostic unknown_name(const Texts& texts, const Place& place, std::string code,
                        std::string message, std::string_view word,
                        std::span<const std::string> candidates) {
  const auto nearest = did_you_mean(word, candidates);
  return {
      .code = std::move(code),
      .message = std::move(message),
      .span = texts.span(place, nearest ? fmt::format("did you mean `{}`?", *nearest) : ""),
      .notes = {candidates.empty() ? "there are none" : "there are: " + join(candidates, ", ")}};
}

Result<Node> read_description(const ChipText& chip, std::span<const std::string> overrides,
                              const FindText& find, Texts& texts) {
  Result<Node> root = Reader(find, texts).read(chip);
  if (!root || overrides.empty()) {
    return root;
  }
  // What a file expects to amount to is said of the file as it stands.
  std::erase_if(root->entries, [](const Entry& entry) { return entry.key == "expect"; });
  Diagnostics found;
  for (const std::string& text : overrides) {
    const int index = texts.add("--set", text);
    if (auto applied = Override(text, index, texts).apply(*root); !applied) {
      found.insert(found.end(), applied.error().begin(), applied.error().end());
    }
  }
  if (!found.empty()) {
    return tl::unexpected(std::move(found));
  }
  return root;
}

}  // namespace churon::chip
