// What a plan is asked for: demand by quarter and class, the futures it may meet, what can be
// bought, rented or built, and the caps that all share. Read from a TOML file (scenario_read.h);
// docs/plan.md describes every key and the model in formulas.
//
// Units: chips, quarters (counted from the plan's first one), tokens per second, watts, USD.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cost/spread.h"

namespace churon::plan {

constexpr double kHoursPerQuarter = 8766.0 / 4;  // a year of 365.25 days
constexpr double kSecondsPerQuarter = kHoursPerQuarter * 3600;

// A quarter, an option or a node as the place in a vector.
constexpr std::size_t index(int i) { return static_cast<std::size_t>(i); }

// A quarter of the calendar: year x 4 + 0 … 3.
struct Quarter {
  int count = 0;
  auto operator<=>(const Quarter&) const = default;
};
std::string text(Quarter quarter);  // "2027-Q3"
// Its first day: "2027-07-01".
std::string first_day(Quarter quarter);
std::optional<Quarter> parse_quarter(std::string_view text);

// A number and where it comes from.
struct Fact {
  std::string key = {};  // "option.gb300.price"
  double value = 0;
  cost::Range range = {};  // low = central = high where nothing is said about it
  std::string unit = {};
  std::string basis = {};   // sourced, derived, guess, …; "stated" where the file says no more
  std::string source = {};  // who says so, or how it was computed
  std::string place = {};   // "scenario.toml:12"
  std::string factor = {};  // what moves together
  [[nodiscard]] bool is_guess() const {
    return basis == "guess" || basis == "memory" || basis == "mixed";
  }
};

struct ServiceClass {
  std::string name;
  std::vector<double> demand;  // by quarter, mean tokens/s, before a future's factor
  Fact utilisation;       // mean over sustained peak: the fleet is sized for demand / utilisation
  Fact unmet;             // USD per token not served
  double must_serve = 0;  // share
  SourceSpan place;
};

// One way the world may go: a demand scenario with a slip of the own chips whose gate is open.
struct Future {
  std::string name;
  double probability = 0;
  std::vector<std::vector<double>> demand;  // by class and quarter, tokens/s
  int slip = 0;                             // quarters that they come later
};

struct Site {
  std::string name;
  std::vector<double> power;  // by quarter, watts
  SourceSpan place;
};

// What all options need and one cannot have as much of as one likes: packaging, memory, wafers.
struct Source {
  std::string vendor;
  std::vector<double> cap;  // by quarter
  SourceSpan place;
};
struct Resource {
  std::string name, unit;
  std::vector<Source> sources;
  int booking = 0;       // quarters ahead that an allocation is signed; 0: none is needed
  Fact fee;              // USD per unit reserved, used or not
  double share_max = 1;  // of one source in a quarter
  SourceSpan share_place;
};

struct Use {
  int resource = 0;
  double amount = 0;         // per chip
  int ahead = 0;             // quarters before the chip arrives
  std::vector<int> sources;  // that may be used
};

enum class Kind { buy, rent, own };

struct PriceStep {
  double from = 0;    // chips of a contract year
  double change = 0;  // of the price: -0.05 is 5 % off
};

// NRE decision, tape-out, qualification, ramp.
struct Gate {
  Fact nre;
  int latest = 0;            // the decision may fall in quarters 0 … latest
  int development = 1;       // quarters from the decision to the first chips
  std::vector<double> ramp;  // share of max in the first quarters; 1 after them
  bool is_passed = false;    // decided and paid: the ramp begins in quarter `development`
};

struct Option {
  std::string name, chip, vendor, derate;
  Kind kind = Kind::buy;
  Fact price;                // USD per chip in its slot; of rent USD per hour
  double price_change = 0;   // per year
  Fact running;              // USD per hour of a chip that is there: space, electricity, upkeep
  Fact power;                // watts provisioned per chip
  std::vector<Fact> tokens;  // by class, tokens/s per chip; 0: cannot serve it
  int from = 0, until = 0;   // first and last quarter of delivery
  int lead = 1;              // quarters from order to delivery
  int booking = 1;           // an order is signed this long ahead, or now
  double take_or_pay = 1, deposit = 0;  // of new orders
  double committed_take_or_pay = 1;
  std::vector<double> max;        // by quarter
  std::vector<double> committed;  // by quarter of delivery, signed already
  double installed = 0;           // at the start
  int installed_until = 0;        // last quarter of these
  double minimum_order = 0, lot = 0;
  std::vector<PriceStep> steps;
  Fact discount;                   // share of the price that a credible alternative earns
  std::vector<int> alternatives;   // options that make one
  double alternative_minimum = 0;  // chips signed of a bought one
  int life = 20;                   // quarters
  Fact residual;                   // of the price after 36 months
  std::vector<Use> uses;
  std::optional<Gate> gate;
  SourceSpan place;
};

struct Scenario {
  std::string name, file, digest;
  Quarter start;
  int quarters = 16;
  double discount_rate = 0;            // per year
  double tail = 0.9, tail_weight = 0;  // CVaR over the worst 1 - tail, and its weight
  std::vector<double> capital;         // by quarter, USD
  double vendor_share = 1;
  int vendor_share_from = 0;
  int slip_known = 0;  // quarter from which the slip is known
  std::vector<ServiceClass> classes;
  std::vector<Future> futures;
  std::vector<Site> sites;
  std::vector<Resource> resources;
  std::vector<Option> options;
  std::vector<Fact> facts;  // all numbers of the file and of the tables, for --explain
  SourceSpan capital_place, share_place;

  [[nodiscard]] int option_count() const { return static_cast<int>(options.size()); }
};

// Whether an option is an own chip whose gate is still to be decided.
bool has_open_gate(const Option& option);
// Quarters that an option's deliveries come later in a future.
int slip(const Option& option, const Future& future);
// The price of a chip of an option that is delivered in quarter `d`.
double price_at(const Option& option, int d);
// The share of a chip's price that it is worth `age` quarters after delivery.
double residual_share(const Option& option, int age);
// Chips of an option that may be delivered in quarter `d`, were its gate decided in quarter `tau`.
double ramped_max(const Option& option, int d, int tau);

}  // namespace churon::plan
