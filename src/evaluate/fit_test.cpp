#include "evaluate/fit.h"

#include <gmock/gmock.h>

#include "base/file.h"

namespace churon::evaluate {
namespace {

// GEMMs of four chips whose times are those of the model itself under other parameters.
struct Synthetic {
  Measured measured;
  estimate::Efficiency truth = estimate::unfitted();

  Synthetic() {
    std::string text =
        "grade,source,date,chip,chips_count,parallelism,framework,model,weight_dtype,kv_dtype,"
        "input_len,output_len,batch,metric,value,unit,note\n";
    for (const char* chip : {"A100", "H100", "B200", "L40S"}) {
      for (const int m : {1, 7, 64, 1000, 8192}) {
        for (const int n : {1024, 7168, 16384}) {
          text += fmt::format(
              "A,s,2025,{},1,,trtllm,gemm,bf16,,,,{},kernel_time,1,us,m={};n={};k=4096\n", chip, m,
              m, n);
        }
      }
    }
    MeasuredReader reader;
    reader.read(parse_csv(text, "t.csv"));
    measured = reader.take();
    truth.gemm.memory *= 0.9;
    truth.gemm.compute *= 0.9;
    truth.gemm.fixed *= 1.4;
    const auto values = Predictor(measured).predict(truth);
    for (std::size_t i = 0; i < values.size(); ++i) {
      measured.rows[i].value = values[i].value;
    }
  }
};

TEST(Fit, finds_the_parameters_that_made_the_data) {
  const Synthetic synthetic;
  const Predictor predictor(synthetic.measured);
  const auto rows = scored_rows(synthetic.measured);
  ASSERT_EQ(rows.size(), 60U);
  const Fit found = fit(synthetic.measured, predictor, rows);
  EXPECT_LT(score(synthetic.measured, predictor.predict(found.efficiency), rows).macro_mape, 0.02);
  EXPECT_GT(score(synthetic.measured, predictor.predict(estimate::unfitted()), rows).macro_mape,
            0.08);
  EXPECT_NEAR(found.efficiency.gemm.compute, synthetic.truth.gemm.compute,
              0.05 * synthetic.truth.gemm.compute);
}

TEST(Fit, gives_the_same_bytes_at_any_number_of_threads) {
  const Synthetic synthetic;
  const Predictor predictor(synthetic.measured);
  std::string first;
  for (const int threads : {1, 2, 3}) {
    FitOptions options;
    options.threads = threads;
    const auto test = cross_validate(synthetic.measured, predictor, options);
    EXPECT_EQ(test.folds.count, 4);
    std::string text;
    for (const Fit& own : test.fits) {
      text += efficiency_csv(synthetic.measured, own, {});
    }
    for (const Prediction& prediction : test.predictions) {
      text += fmt::format("{} ", prediction.value);
    }
    first = first.empty() ? text : first;
    EXPECT_EQ(text, first) << threads;
  }
}

TEST(Fit, leaves_the_fold_out) {
  Synthetic synthetic;
  // One chip's times are three times as long: the fits that see it differ from the one that does
  // not, which predicts it too short.
  for (MeasuredRow& row : synthetic.measured.rows) {
    row.value *= row.chip_name == "L40S" ? 3 : 1;
  }
  const Predictor predictor(synthetic.measured);
  const auto left_out = leave_one_chip_out(synthetic.measured, predictor);
  ASSERT_EQ(left_out.size(), 4U);
  EXPECT_EQ(left_out[3].chip, "L40S");
  double ratio = 0;
  for (std::size_t i = 0; i < left_out[3].rows.size(); ++i) {
    ratio += left_out[3].predictions[i].value /
             synthetic.measured.rows[static_cast<std::size_t>(left_out[3].rows[i])].value;
  }
  EXPECT_NEAR(ratio / static_cast<double>(left_out[3].rows.size()), 1.0 / 3, 0.05);
}

TEST(Fit, writes_a_table_that_reads_back) {
  const Synthetic synthetic;
  const Predictor predictor(synthetic.measured);
  const Fit found = fit(synthetic.measured, predictor, scored_rows(synthetic.measured));
  const std::string path = testing::TempDir() + "/efficiency.csv";
  ASSERT_TRUE(write_file_atomically(path, efficiency_csv(synthetic.measured, found, {})));
  const auto read = estimate::load_efficiency(path);
  ASSERT_TRUE(read.has_value()) << to_text(read.error());
  for (const estimate::Parameter& parameter : estimate::parameters()) {
    EXPECT_EQ(parameter.get(*read), parameter.get(found.efficiency)) << parameter.name;
  }
}

}  // namespace
}  // namespace churon::evaluate
