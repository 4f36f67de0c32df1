// Cosines and sines of rotary position embedding (Su et al., RoFormer, arXiv 2104.09864), in
// binary64 with functions of our own (the last bits of libm's differ between machines), rounded
// once to FP32: rule 6 of docs/arithmetic.md.
//
//   angle(position, i) = position / factor * frequency(i)
//   frequency(i) = base^(-2 i / dimensions) / frequency_factor(i)      i = 0 .. dimensions/2 - 1
#pragma once

#include <cstddef>
#include <vector>

namespace churon::numeric {

// Fixed sequences of binary64 operations. Errors are below 4e-16 of the result (pow64: 1e-14) for
// the arguments that tables have: |x| up to 2^20 for sin64 and cos64, base > 0.
[[nodiscard]] double sin64(double x);
[[nodiscard]] double cos64(double x);
[[nodiscard]] double log64(double x);
[[nodiscard]] double exp64(double x);
[[nodiscard]] double pow64(double base, double exponent);

struct RopeParameters {
  int dimensions = 0;
  double base = 10000;
  double factor = 1;
  std::vector<float> frequency_factors;  // empty: all 1
};

class RopeTable {
 public:
  RopeTable() = default;
  explicit RopeTable(const RopeParameters& parameters);

  // Computes the rows up to `positions`, where they are not there yet.
  void extend(std::size_t positions);
  // dimensions / 2 values of a position that was computed.
  [[nodiscard]] const float* cosine(std::size_t position) const {
    return cosines_.data() + position * frequencies_.size();
  }
  [[nodiscard]] const float* sine(std::size_t position) const {
    return sines_.data() + position * frequencies_.size();
  }

 private:
  double factor_ = 1;
  std::vector<double> frequencies_;
  std::vector<float> cosines_;
  std::vector<float> sines_;
};

}  // namespace churon::numeric
