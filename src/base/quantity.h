// Physical quantities: one double and a dimension. Adding two kinds does not compile; products and
// quotients of quantities get their dimension by themselves, so `Cycles / Hertz` is `Seconds` and
// `Bytes / BytesPerSecond` is `Seconds`. Values are in the base unit of each name (seconds, bytes,
// joules, …), decimal.
#pragma once

#include <compare>
#include <cstdint>

namespace churon {

struct Dimension {
  int second = 0;
  int byte = 0;
  int cycle = 0;
  int operation = 0;
  int joule = 0;
  int dollar = 0;
  int metre = 0;
  bool operator==(const Dimension&) const = default;
};

constexpr Dimension operator+(Dimension a, Dimension b) {
  return {a.second + b.second, a.byte + b.byte,     a.cycle + b.cycle, a.operation + b.operation,
          a.joule + b.joule,   a.dollar + b.dollar, a.metre + b.metre};
}
constexpr Dimension operator-(Dimension a, Dimension b) {
  return {a.second - b.second, a.byte - b.byte,     a.cycle - b.cycle, a.operation - b.operation,
          a.joule - b.joule,   a.dollar - b.dollar, a.metre - b.metre};
}

template <Dimension D>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(double value) : value_(value) {}
  [[nodiscard]] constexpr double value() const { return value_; }

  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity operator-() const { return Quantity(-value_); }
  constexpr Quantity& operator+=(Quantity other) {
    value_ += other.value_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity other) {
    value_ -= other.value_;
    return *this;
  }
  constexpr Quantity& operator*=(double factor) {
    value_ *= factor;
    return *this;
  }

 private:
  double value_ = 0;
};

template <Dimension D>
constexpr Quantity<D> operator+(Quantity<D> a, Quantity<D> b) {
  return Quantity<D>(a.value() + b.value());
}
template <Dimension D>
constexpr Quantity<D> operator-(Quantity<D> a, Quantity<D> b) {
  return Quantity<D>(a.value() - b.value());
}
template <Dimension D>
constexpr Quantity<D> operator*(Quantity<D> a, double b) {
  return Quantity<D>(a.value() * b);
}
template <Dimension D>
constexpr Quantity<D> operator*(double a, Quantity<D> b) {
  return Quantity<D>(a * b.value());
}
template <Dimension D>
constexpr Quantity<D> operator/(Quantity<D> a, double b) {
  return Quantity<D>(a.value() / b);
}
// Quantities whose dimensions cancel become a plain number.
template <Dimension A, Dimension B>
constexpr auto operator*(Quantity<A> a, Quantity<B> b) {
  if constexpr (A + B == Dimension{}) {
    return a.value() * b.value();
  } else {
    return Quantity<A + B>(a.value() * b.value());
  }
}
template <Dimension A, Dimension B>
constexpr auto operator/(Quantity<A> a, Quantity<B> b) {
  if constexpr (A - B == Dimension{}) {
    return a.value() / b.value();
  } else {
    return Quantity<A - B>(a.value() / b.value());
  }
}

using Seconds = Quantity<Dimension{.second = 1}>;
using Bytes = Quantity<Dimension{.byte = 1}>;
using Cycles = Quantity<Dimension{.cycle = 1}>;
using Operations = Quantity<Dimension{.operation = 1}>;
using Joules = Quantity<Dimension{.joule = 1}>;
using Dollars = Quantity<Dimension{.dollar = 1}>;
using Metres = Quantity<Dimension{.metre = 1}>;
using SquareMetres = Quantity<Dimension{.metre = 2}>;
using Hertz = Quantity<Dimension{.second = -1, .cycle = 1}>;
using BytesPerSecond = Quantity<Dimension{.second = -1, .byte = 1}>;
using BytesPerCycle = Quantity<Dimension{.byte = 1, .cycle = -1}>;
using OperationsPerSecond = Quantity<Dimension{.second = -1, .operation = 1}>;
using Watts = Quantity<Dimension{.second = -1, .joule = 1}>;
using JoulesPerByte = Quantity<Dimension{.byte = -1, .joule = 1}>;
using JoulesPerOperation = Quantity<Dimension{.operation = -1, .joule = 1}>;

// Rounding is spelled.
constexpr std::int64_t div_ceil(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace churon
