// One golden for each code of measured tables: errors/V….csv and the exact text it gives.
#include <algorithm>
#include <filesystem>
#include <set>

#include "evaluate/measured.h"
#include "golden.h"

namespace churon::evaluate {
namespace {

namespace fs = std::filesystem;

const std::string kFolder = CHURON_SOURCE_DIR "/tests/golden/errors/";

TEST(MeasuredErrors, read_as_they_are_meant_to) {
  std::set<std::string> seen;
  std::vector<fs::path> cases;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    const std::string name = entry.path().stem().string();
    const bool is_own = name.starts_with("V") || name.starts_with("B");
    if (is_own && entry.path().extension() == ".csv") {
      cases.push_back(entry.path());
    }
  }
  std::sort(cases.begin(), cases.end());
  for (const fs::path& path : cases) {
    const std::string code = path.stem().string().substr(0, 5);
    MeasuredReader reader;
    reader.read(parse_csv(golden::file_text(path.string()), path.filename().string()));
    const Measured measured = reader.take();
    ASSERT_FALSE(measured.findings.empty()) << path;
    for (const Diagnostic& finding : measured.findings) {
      EXPECT_EQ(finding.code, code) << path << ": " << finding.message;
    }
    golden::compare(to_text(measured.findings), fs::path(path).replace_extension(".txt").string());
    seen.insert(code);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"B0005", "B0006", "B0007", "V0101", "V0102", "V0103",
                                         "V0104", "V0105", "V0106", "V0107", "V0108", "V0109",
                                         "V0110", "V0111", "V0112"}));
}

}  // namespace
}  // namespace churon::evaluate
