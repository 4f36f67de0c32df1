// Every error of reading files, and of the arithmetic of this machine, as a user reads it:
// errors/B.txt, N.txt.
#include <gtest/gtest.h>
#include <unistd.h>
#include <xmmintrin.h>

#include <cstdlib>

#include "base/csv.h"
#include "base/file.h"
#include "gguf_writer.h"
#include "golden.h"
#include "numeric/fp_environment.h"
#include "numeric/kernels.h"

namespace churon {
namespace {

constexpr const char* kErrors = CHURON_SOURCE_DIR "/tests/golden/errors/";

Result<CsvTable> table_with(std::string text, const CsvLimits& limits = {}) {
  CsvTable table = parse_csv(std::move(text), "table.csv", limits);
  return table.findings.empty() ? Result<CsvTable>(table) : tl::unexpected(table.findings);
}

std::string repeated(std::string_view part, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += part;
  }
  return text;
}

// A GGUF file that loses its end after it was opened.
Result<void> tensor_of_a_cut_file(const test::TemporaryFolder& folder) {
  test::GgufWriter writer;
  writer.add_tensor("one", {64, 3}, numeric::TensorType::q8_0, std::vector<float>(192, 2.0F));
  const std::string bytes = writer.bytes();
  const auto path = folder.write("cut.gguf", bytes);
  const auto file = *model::open_gguf(path);
  EXPECT_EQ(::truncate(path.c_str(), static_cast<off_t>(bytes.size() - 100)), 0);
  std::vector<std::byte> out(file.tensors.front().bytes);
  return file.read_tensor(file.tensors.front(), out);
}

TEST(FileErrors, read_as_they_are_meant_to) {
  const test::TemporaryFolder folder;
  golden::Errors errors;
  errors.add("no such file", read_file(folder.path("absent.txt"), 100));
  errors.add("no such model", model::open_gguf(folder.path("absent.gguf")));
  errors.add("a folder", model::open_gguf(folder.path("")));
  errors.add("a device", model::open_gguf("/dev/zero"));
  errors.add("a file that is cut while it is read", tensor_of_a_cut_file(folder));
  errors.add("a long file", read_file(folder.write("long.txt", "eleven bytes"), 11));
  errors.add("a field of 64 KiB and a byte", table_with("a,b\n1," + repeated("x", 65537) + "\n"));
  errors.add("257 columns", table_with("a,b\n" + repeated("1,", 256) + "1\n"));
  errors.add("more fields than are read", table_with("a,b\n1,2\n3,4\n", {.fields_max = 5}));
  golden::compare(golden::replaced(errors.text(), folder.path(""), "FOLDER/"),
                  std::string(kErrors) + "B.txt");
}

TEST(ArithmeticErrors, read_as_they_are_meant_to) {
  golden::Errors errors;
  // As the system prepares it, not as every computing thread does: subnormal numbers are kept.
  constexpr unsigned kDefaultMxcsr = 0x1F80;
  const unsigned before = _mm_getcsr();
  _mm_setcsr(kDefaultMxcsr);
  errors.add("arithmetic that keeps subnormal numbers", numeric::check_fp_environment());
  _mm_setcsr(before);
  ::setenv("CHURON_KERNELS", "neon", 1);
  errors.add("CHURON_KERNELS=neon", numeric::choose_kernels());
  ::unsetenv("CHURON_KERNELS");
  golden::compare(errors.text(), std::string(kErrors) + "N.txt");
}

}  // namespace
}  // namespace churon
