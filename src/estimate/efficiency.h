// The parameters of the analytic level that are shared by all bought chips: what share of a data
// sheet's peaks is achieved, and the fixed times. There is none per chip, per model and per table.
// Values come from data/efficiency.csv, with unit, basis and source; `parameters()` lists them so
// that a fit can vary them without knowing what they mean. kernels.h says how they are used;
// docs/estimate.md has the formulas.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "estimate/parallelism.h"

namespace churon::estimate {

// Times in seconds, shares of a peak in (0, 1]. What is timed at the reference clock of 1.8 GHz
// (kernels.cpp) takes longer on a slower one.
struct Efficiency {
  struct Gemm {
    double compute = 0;  // share of the peak rate, 16 bit, at a sustained clock
    double memory = 0;   // share of the memory's rate
    double wave = 0;     // of the cores that the last wave of tiles leaves idle, how much is lost
    double feed = 0;     // bytes a core takes from the cache in a cycle
    double split = 0;    // adding the parts of a product that is cut along k
    double cache_share = 0;  // of the last-level cache that holds what the run before it touched
    double cache_rate = 0;   // of the cache, over the memory's
    double fixed = 0;        // launch, fill, drain, at the reference clock
    double dies = 0;         // … longer by this factor on a chip of several dies
  } gemm;
  struct Formats {
    double narrow = 0;          // each halving of the format divides the achieved share by 2^narrow
    double block_compute = 0;   // fp8_block: share of what 16 bit achieves
    double quantise = 0;        // fixed time of quantising activations: fp8, fp4, int8
    double quantise_bytes = 0;  // moved for each activation
    double block = 0;           // fixed time, fp8_block
    double weight_only = 0;     // fixed time, widened weights
  } formats;
  struct Attention {
    double compute = 0;         // share of the peak rate
    double softmax = 0;         // exponentials a cycle and core, over 16
    double overlap = 0;         // exponent of the norm that joins the two: 1 sum, large: the longer
    double row = 0;             // core cycles for a query of a head: load, scale, store
    double wave = 0;            // tiles' worth of time that the last wave waits
    double prefill_memory = 0;  // share of the memory's rate, of queries, keys, values, outputs
    double prefill_cache = 0;   // share of the cache that holds them
    double prefill_fixed = 0;
    double memory = 0;       // decode: share of the memory's rate
    double cache_share = 0;  // decode: share of the cache that holds a warm KV cache
    double cache_rate = 0;   // of the cache, over the memory's
    double ramp = 0;         // bytes until the stream from memory is at its rate
    double decode_fixed = 0;
  } attention;
  struct Experts {
    double compute = 0;
    double memory = 0;
    double narrow = 0;
    double block_compute = 0;
    double dequantise = 0;  // weights a core widens in a cycle
    double tile = 0;        // tokens to which an expert's are filled up
    double width = 0;       // the share falls by 1 / (1 + width / inter) for narrow experts
    double activation = 0;  // share of the memory's rate, of permuted activations
    double fixed = 0;       // at the reference clock
    double block = 0;       // … added, fp8_block
    double per_expert = 0;  // … for each expert of the rank, where a kernel walks over them
    double weight_only = 0;
  } experts;
  struct Collective {
    double fixed = 0;        // NCCL, at the reference clock
    double hop = 0;          // … for each step of a ring
    double exchange = 0;     // … of an all-to-all
    double simple = 0;       // … added by the protocol for long messages
    double fill = 0;         // bytes of its pipeline
    double dies = 0;         // times are longer by this factor on a chip of several dies
    double link = 0;         // share of the link's rate, long messages
    double bus = 0;          // … of a host bus
    double low_latency = 0;  // share of that which the protocol for short messages reaches
    double copy = 0;         // bytes copied locally, over the message, at the link's rate
    double kernel_fixed = 0, kernel_hop = 0;  // a framework's own kernel
    double kernel_link = 0;
    double two_shot = 0;  // its second exchange: factor of the fixed time
  } collective;
  // Between scale-up domains, where no measured row reaches: conventions with their sources.
  struct Network {
    double ring = 0;         // latency of a step of a ring, protocol for short messages
    double tree = 0;         // … of a level of a tree
    double simple = 0;       // … of either, protocol for long messages
    double low_latency = 0;  // share of the rate that the protocol for short messages reaches
    double link = 0;         // share of the adapter's rate that long messages reach
  } network;
  struct Elementwise {
    double memory = 0;
    double fixed = 0;
  } elementwise;
  // Of every framework.
  struct Serving {
    double chunk = 0;       // tokens that are prefilled together
    double collective = 0;  // of a collective's fixed time, what is left between captured kernels
    double apart = 0;       // of the tokens of a step, those that choose experts on their own
  } serving;
  // Of one family of frameworks.
  struct Profile {
    double memory = 0;   // share of a chip's memory that weights and caches may take …
    double reserve = 0;  // … less these bytes
    double growth = 0;   // share of the output that a request must find space for when it starts
    double work = 0;     // time of kernels beside their fixed times, over that of benchmarks
    double launch = 0;   // of a kernel's fixed time, what is left in a captured graph
    double step = 0;     // host time of a step
    double request = 0;  // … for each running request of a rank
    double prefill = 0;  // of the prefills of others, what holds up a running request
    double prompt = 0;   // host time of a prompt before it is prefilled
    double burst = 0;    // of the other requests, those whose prompts are prefilled before
  };
  std::array<Profile, kFrameworkCount> profiles{};
  // Mean power of a chip, over the range from idle to TDP.
  struct Power {
    double idle = 0;     // share of TDP, where no idle power is stated
    double busy = 0;     // while kernels run
    double widen = 0;    // on top, where weights are widened before they are multiplied
    double memory = 0;   // at the memory's full rate
    double compute = 0;  // at the peak rate
    double bend = 0;     // exponent of the share of the peak rate: cores that wait draw power too
  } power;
};

// One number of `Efficiency`. (scope, name) is its key in data/efficiency.csv.
struct Parameter {
  std::string_view scope;  // "gemm", "formats", …
  std::string_view name;
  std::string_view unit;  // "s", "1", …
  double start = 0;       // a fit starts here and is drawn to it; docs/estimate.md says what from
  double low = 0, high = 0;
  bool logarithmic = false;  // varied by factors, not by sums
  bool fitted = true;        // false: a convention
  std::string_view note = {};
  double& (*of)(Efficiency&) = nullptr;
  std::string_view source = {};  // of a convention

  [[nodiscard]] double get(Efficiency efficiency) const { return of(efficiency); }
};
std::span<const Parameter> parameters();

// Every parameter at its start.
Efficiency unfitted();

// data/efficiency.csv, or another table of its columns (scope,name,value,low,high,unit,basis,
// fit_rows,source,note). Parameters that it does not list keep their start. Errors, each with line
// and column: unknown or repeated keys, numbers that are none or out of range, other units.
Result<Efficiency> load_efficiency(const std::string& path);
Result<Efficiency> shipped_efficiency();

}  // namespace churon::estimate
