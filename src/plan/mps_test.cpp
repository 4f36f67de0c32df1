#include "plan/mps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/solver.h"

namespace churon::plan {
namespace {

using testing::HasSubstr;

Program read(std::string_view text) {
  auto program = parse_mps(text, "test.mps");
  EXPECT_TRUE(program) << to_text(program.error());
  return program ? std::move(*program) : Program();
}

std::string error_of(std::string_view text) {
  const auto program = parse_mps(text, "test.mps");
  return program ? "none" : to_text(program.error());
}

const Variable& variable(const Program& program, std::string_view name) {
  for (const Variable& one : program.variables()) {
    if (one.name == name) {
      return one;
    }
  }
  static const Variable kNone;
  ADD_FAILURE() << name;
  return kNone;
}

TEST(Mps, reads_every_type_of_bound) {
  const Program program = read(
      "NAME t\nROWS\n N obj\nCOLUMNS\n a obj 1\n b obj 1\n c obj 1\n d obj 1\n e obj 1\n f obj 1\n"
      " g obj 1\n h obj 1\n i obj 1\nBOUNDS\n UP B a 4\n LO B b -3\n FX B c 2.5\n FR B d\n MI B e\n"
      " UP B e 7\n BV B f\n LI B g 2\n UI B h 9\n PL B i\nENDATA\n");
  const auto is = [&](const char* name, double lower, double upper, bool integer) {
    const Variable& v = variable(program, name);
    EXPECT_EQ(v.lower, lower) << name;
    EXPECT_EQ(v.upper, upper) << name;
    EXPECT_EQ(v.is_integer, integer) << name;
  };
  is("a", 0, 4, false);
  is("b", -3, kInfinity, false);
  is("c", 2.5, 2.5, false);
  is("d", -kInfinity, kInfinity, false);
  is("e", -kInfinity, 7, false);
  is("f", 0, 1, true);
  is("g", 2, kInfinity, true);
  is("h", 0, 9, true);
  is("i", 0, kInfinity, false);
}

TEST(Mps, gives_integers_and_negative_bounds_the_defaults_that_solvers_give_them) {
  const Program program = read(
      "NAME t\nROWS\n N obj\nCOLUMNS\n M 'MARKER' 'INTORG'\n a obj 1\n b obj 1\n M 'MARKER' "
      "'INTEND'\n c obj 1\n d obj 1\nBOUNDS\n LO B b 1\n UP B c -2\n LO B d 0\n UP B d "
      "-2\nENDATA\n");
  EXPECT_EQ(variable(program, "a").upper, 1);  // no bound: binary
  EXPECT_EQ(variable(program, "b").upper, kInfinity);
  EXPECT_EQ(variable(program, "c").lower, -kInfinity);
  EXPECT_EQ(variable(program, "d").lower, 0);  // said, so nothing satisfies it
  EXPECT_EQ(solve(program, {})->status, Status::infeasible);
}

TEST(Mps, reads_ranges_of_every_type_of_row_and_the_offset_of_the_objective) {
  const Program program = read(
      "NAME t\nROWS\n N obj\n L l\n G g\n E plus\n E minus\n N other\nCOLUMNS\n x obj 1 l 1\n"
      " x g 1 plus 1\n x minus 1 other 5\nRHS\n R l 10 g 2\n R plus 4 minus 4\n R obj -7\nRANGES\n"
      " S l 3 g -4\n S plus 2 minus -2\nENDATA\n");
  ASSERT_EQ(program.row_count(), 4);
  const auto is = [&](int row, double lower, double upper) {
    EXPECT_EQ(program.rows()[static_cast<std::size_t>(row)].lower, lower) << row;
    EXPECT_EQ(program.rows()[static_cast<std::size_t>(row)].upper, upper) << row;
  };
  is(0, 7, 10);
  is(1, 2, 6);
  is(2, 4, 6);
  is(3, 2, 4);
  EXPECT_EQ(program.offset, 7);
}

TEST(Mps, takes_the_sense_below_or_beside_its_section_and_the_objective_by_name) {
  const char* rest = "ROWS\n N a\n N b\n L r\nCOLUMNS\n x a 1 b 2\n x r 1\nRHS\n r 3\nENDATA\n";
  for (const std::string sense :
       {"OBJSENSE\n    MAX\n", "OBJSENSE MAXIMIZE\n", "OBJSENSE\n  maximise\n"}) {
    const Program program = read("NAME\n" + sense + "OBJNAME\n  b\n" + rest);
    EXPECT_TRUE(program.maximise) << sense;
    EXPECT_EQ(solve(program, {})->objective, 6) << sense;
  }
}

TEST(Mps, reads_fixed_format_with_spaces_in_names) {
  const Program program = read(
      "NAME          FIXED\n"
      "ROWS\n"
      " N  TOTAL\n"
      " G  ROW ONE\n"
      "COLUMNS\n"
      "    COL A     TOTAL               2.   ROW ONE             1.\n"
      "    COL B     TOTAL               3.   ROW ONE             1.\n"
      "RHS\n"
      "              ROW ONE             4.\n"
      "BOUNDS\n"
      " UP BND       COL A               1.\n"
      "ENDATA\n");
  EXPECT_EQ(variable(program, "COL A").upper, 1);
  EXPECT_EQ(solve(program, {})->objective, 2 + 9);
}

TEST(Mps, takes_sides_without_an_end) {
  const Program open = read(
      "ROWS\n n obj\n l r\n g s\nCOLUMNS\n x obj 1 r 1\n x s 1\nRHS\n R r inf s -1e30\nENDATA\n");
  EXPECT_EQ(open.at(RowId{0}).upper, kInfinity);
  EXPECT_EQ(open.at(RowId{1}).lower, -kInfinity);
}

TEST(Mps, names_the_line_of_what_is_wrong) {
  const std::string rows = "NAME t\nROWS\n N obj\n L r\nCOLUMNS\n x obj 1 r 1\n";
  EXPECT_THAT(error_of("garbage\n"), HasSubstr("S0101"));
  EXPECT_THAT(error_of("\x7f"
                       "ELF\x02\x01\x01"),
              HasSubstr("S010"));
  EXPECT_THAT(error_of(""), HasSubstr("S0108"));
  EXPECT_THAT(error_of(rows), HasSubstr("S0108"));
  EXPECT_THAT(error_of("NAME t\nROWS\n N obj\nCOLUMNS\nENDATA\n"), HasSubstr("S0108"));
  EXPECT_THAT(error_of(rows + " x s 1\nENDATA\n"), HasSubstr("test.mps:7:4"));
  EXPECT_THAT(error_of(rows + " x r 2\nENDATA\n"), HasSubstr("S0105"));
  EXPECT_THAT(error_of(rows + " y r\nENDATA\n"), HasSubstr("S0102"));
  EXPECT_THAT(error_of(rows + " y r 1.2.3\nENDATA\n"), HasSubstr("S0103"));
  EXPECT_THAT(error_of(rows + " y r nan\nENDATA\n"), HasSubstr("S0103"));
  EXPECT_THAT(error_of(rows + " y r 1e999\nENDATA\n"), HasSubstr("S0103"));
  EXPECT_THAT(error_of(rows + "RHS\n R obj inf\nENDATA\n"), HasSubstr("S0103"));
  EXPECT_THAT(error_of(rows + "RHS\n R r -inf\nRANGES\n R r inf\nENDATA\n"), HasSubstr("S0103"));
  EXPECT_THAT(error_of(rows + " x obj 2\nENDATA\n"), HasSubstr("S0105"));
  EXPECT_THAT(error_of(rows + "BOUNDS\n SC B x 3\nENDATA\n"), HasSubstr("S0106"));
  EXPECT_THAT(error_of(rows + "BOUNDS\n UP B z 3\nENDATA\n"), HasSubstr("S0104"));
  EXPECT_THAT(error_of(rows + "QUADOBJ\n x x 3\nENDATA\n"), HasSubstr("S0101"));
  EXPECT_THAT(error_of(rows + " M 'MARKER' 'INTEND'\nENDATA\n"), HasSubstr("S0107"));
  EXPECT_THAT(error_of(rows + " M 'MARKER' 'INTORG'\nENDATA\n"), HasSubstr("S0107"));
  EXPECT_THAT(error_of("ROWS\n X r\nENDATA\n"), HasSubstr("S0106"));
}

TEST(Mps, may_begin_with_a_byte_order_mark) {
  EXPECT_EQ(read("\xEF\xBB\xBFNAME t\nROWS\n N obj\n L r\nCOLUMNS\n x obj 1 r 1\nENDATA\n")
                .variable_count(),
            1);
}

TEST(Mps, written_and_read_again_is_the_same_program) {
  Program program;
  program.maximise = true;
  program.offset = -3.25;
  const VariableId free = program.add({"free", -kInfinity, kInfinity, 1.0 / 3});
  const VariableId below = program.add({"below", -kInfinity, -2, 0});
  const VariableId binary = program.add({"binary", 0, 1, -1, true});
  const VariableId whole = program.add({"whole", 0, kInfinity, 2, true});
  const VariableId lone = program.add({"lone", -4, 9, 0});
  program.add({"range", -1, 5}, std::vector<Term>{{free, 1}, {below, 0.1}});
  program.add({"equal", 2, 2}, std::vector<Term>{{whole, 1e-3}, {free, -1}});
  program.add({"at least", 0, kInfinity}, std::vector<Term>{{binary, 7}});
  const Program again = read(mps(program, "a comment\nof two lines"));
  ASSERT_EQ(again.variable_count(), program.variable_count());
  for (int i = 0; i < program.variable_count(); ++i) {
    const Variable &a = program.at(VariableId{i}), &b = again.at(VariableId{i});
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.lower, b.lower) << a.name;
    EXPECT_EQ(a.upper, b.upper) << a.name;
    EXPECT_EQ(a.cost, b.cost) << a.name;
    EXPECT_EQ(a.is_integer, b.is_integer) << a.name;
  }
  ASSERT_EQ(again.row_count(), program.row_count());
  for (int i = 0; i < program.row_count(); ++i) {
    EXPECT_EQ(program.at(RowId{i}).lower, again.at(RowId{i}).lower);
    EXPECT_EQ(program.at(RowId{i}).upper, again.at(RowId{i}).upper);
    EXPECT_EQ(program.terms({i}).size(), again.terms({i}).size());
  }
  EXPECT_TRUE(again.maximise);
  EXPECT_EQ(again.offset, program.offset);
  EXPECT_EQ(again.at(lone).upper, 9);
}

}  // namespace
}  // namespace churon::plan
