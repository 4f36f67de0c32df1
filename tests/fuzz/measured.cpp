// The bytes are a whole measured table: it is read, predicted and scored.
#include <cstddef>
#include <cstdint>
#include <string>

#include "evaluate/validate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace churon;
  evaluate::MeasuredReader reader;
  reader.read(parse_csv(std::string(reinterpret_cast<const char*>(data), size), "fuzz.csv"));
  const evaluate::Measured measured = reader.take();
  (void)to_text(measured.findings);
  const auto predictions = evaluate::Predictor(measured).predict(estimate::unfitted());
  for (const auto& entry : evaluate::file_metrics(measured)) {
    (void)evaluate::score(measured, predictions, entry.rows);
  }
  (void)evaluate::folds(measured);
  (void)evaluate::choice_regret(measured, predictions);
  return 0;
}
