// One golden for each code of the room `chip`: errors/C….toml and the exact text it gives. Comments
// at the top of a description stand for the command line: `# set: a.b=1`, `# chip: name`.
#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>

#include "base/text.h"
#include "chip/load.h"
#include "golden.h"

namespace churon::chip {
namespace {

namespace fs = std::filesystem;

const std::string kFolder = CHURON_SOURCE_DIR "/tests/golden/errors/";

ChipText text_of(const fs::path& path) {
  return {.id = path.stem().string(),
          .file = path.filename().string(),
          .folder = "",
          .text = golden::file_text(path.string())};
}

std::optional<Result<ChipText>> find(std::string_view name, const ChipText&) {
  for (const auto* folder : {"/tests/golden/errors/", "/chips/", "/chips/base/"}) {
    const fs::path path = CHURON_SOURCE_DIR + std::string(folder) + std::string(name) + ".toml";
    if (fs::exists(path)) {
      return text_of(path);
    }
  }
  return std::nullopt;
}

// The words behind every `# key: ` of the text.
std::vector<std::string> directives(const std::string& text, const std::string& key) {
  std::vector<std::string> found;
  for (const auto& line : split(text, '\n')) {
    if (line.starts_with("# " + key + ": ")) {
      found.emplace_back(line.substr(key.size() + 4));
    }
  }
  return found;
}

std::vector<fs::path> cases() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    const bool is_case = entry.path().extension() == ".toml" &&
                         directives(golden::file_text(entry.path().string()), "used by").empty();
    if (is_case) {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(ChipErrors, read_as_they_are_meant_to) {
  for (const fs::path& path : cases()) {
    const ChipText text = text_of(path);
    const auto names = directives(text.text, "chip");
    const auto chip =
        names.empty() ? load_text(text, directives(text.text, "set"), find) : load(names.front());
    ASSERT_FALSE(chip.has_value()) << path << " is a good description";
    for (const auto& diagnostic : chip.error()) {
      EXPECT_EQ(diagnostic.code, text.id.substr(0, 5)) << path << ": " << diagnostic.message;
    }
    golden::compare(to_text(chip.error()), fs::path(path).replace_extension(".txt").string());
  }
}

TEST(ChipErrors, have_a_golden_for_every_code_of_the_page) {
  std::set<std::string> with_golden;
  for (const fs::path& path : cases()) {
    with_golden.insert(path.stem().string().substr(0, 5));
  }
  const std::string page = golden::file_text(CHURON_SOURCE_DIR "/docs/errors/C.md");
  const std::regex heading("## (C[0-9]{4}) ");
  std::set<std::string> described;
  for (std::sregex_iterator it(page.begin(), page.end(), heading), end; it != end; ++it) {
    described.insert((*it)[1]);
  }
  EXPECT_EQ(with_golden, described);
}

}  // namespace
}  // namespace churon::chip
