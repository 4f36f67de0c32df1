// A chip description, loaded, checked and resolved: plain values that every later stage reads and
// none writes. Chips of our own (`Kind::full`) have all tables, bought chips (`Kind::opaque`) those
// that their makers publish; the free functions at the end serve both alike.
//
// Quantities are in the base units of base/quantity.h. Every value carries where it came from
// (`Chip::values`); numbers that are not free design choices carry bounds and a source as well.
// Keys, units and ranges are described in docs/chip-reference.md, which is made from the key tables
// in schema.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/quantity.h"
#include "base/result.h"
#include "base/unit.h"
#include "numeric/block_format.h"

namespace churon::chip {

// What a number rests on.
enum class Basis { none, spec, vendor, press, measured, derived, guess };
std::string_view name(Basis basis);

// A number with its provenance; low and high are read as P5 and P95.
template <typename T>
struct Sourced {
  T value{};
  std::optional<T> low = {};
  std::optional<T> high = {};
  std::string source = {};  // an id of `Chip::sources`
  Basis basis = Basis::none;
};

enum class Kind {
  full,    // ours: every stage can read it
  opaque,  // bought: peak rates, memory, links, power, price
  base,    // not a chip: what others inherit
};
std::string_view name(Kind kind);

struct Technology {
  std::string library;
  Sourced<Volts> logic_voltage;
  Sourced<Celsius> temperature;
  Sourced<BytesPerSquareMetre> sram_density;
  Sourced<SquareMetres> mac_int8_area;  // of one cell's share, accumulation included
  Sourced<double> utilisation;
  Sourced<double> area_contingency;
  Sourced<WattsPerSquareMetre> leakage;
};

struct Package {
  std::string type;
  std::optional<Metres> interposer_width, interposer_height;
  std::optional<Metres> substrate_width, substrate_height;
  std::string cooling;
  std::optional<Sourced<KelvinPerWatt>> theta_jc;
};

// A type of die; `DieInstance` places it.
struct Die {
  std::string id;
  std::string node;
  std::optional<Sourced<Metres>> width, height;  // as drawn: our own
  std::optional<Sourced<SquareMetres>> area;     // as published: bought ones
  std::int64_t count = 1;                        // of a bought chip, which places none
  std::int64_t core_rows = 0, core_cols = 0;     // enabled cores
  std::int64_t spare_cores = 0;
  std::string spare_policy;
};

struct DieInstance {
  std::string id;
  std::string die;
  Metres x, y;
  Degrees rotate;
};

struct DieToDie {
  std::string id;
  std::vector<std::string> between;
  std::string type;
  std::int64_t modules = 0;
  BytesPerSecond bandwidth_per_module;  // per direction
  Sourced<Seconds> latency;
  Sourced<JoulesPerByte> energy;
};

struct Clock {
  Hertz core, noc, management;
};

// A pair of clock and voltage beside the nominal one (`Clock::core`, `Technology::logic_voltage`).
struct PowerState {
  std::string name;
  Hertz core;
  Volts voltage;
};

struct Power {
  std::optional<Sourced<Watts>> tdp;
  std::optional<Sourced<Watts>> idle;
  std::string cap_policy;
  std::optional<Seconds> cap_window;
  std::vector<PowerState> states;
};

struct Matrix {
  std::string style;
  std::int64_t rows = 0, cols = 0, k = 0;  // tokens, output columns, width of the block dot
  Cycles pipeline;
  std::string accumulator, accumulate_order;
  std::int64_t accumulator_banks = 0;
  BytesPerCycle activation_ports, weight_ports;
  std::int64_t weight_hold = 0;  // row groups that use a loaded weight block
};

struct Vector {
  std::int64_t lanes_fp32 = 0, lanes_bf16 = 0;
  std::string exp;
  double softmax_operations_per_score = 0;
  Bytes register_file;
  Cycles latency;
};

struct ScratchShares {
  double weights = 0, activations = 0, kv = 0, partials = 0;
};
struct ScratchRegions {
  Bytes weights, activations, kv, partials;
};

struct Scratch {
  Bytes size;
  std::int64_t banks = 0;
  BytesPerCycle bank_width;
  Cycles read_latency;
  std::string ecc;
  std::optional<ScratchShares> shares;
  std::optional<ScratchRegions> regions;  // `shares` of `size`
};

struct Dma {
  std::int64_t channels = 0, outstanding = 0;
  Bytes burst;
  double gather_rows_per_cycle = 0;
  Cycles page_walk_latency;
  std::vector<std::string> unpack;
};

struct Core {
  std::vector<std::string> queues;
  std::int64_t queue_depth = 0;
  Bytes command_size;
  std::int64_t tokens = 0, token_max = 0, parameter_registers = 0;
  Bytes program_cache;
  BytesPerCycle program_fetch;
  Matrix matrix;
  Vector vector;
  Scratch scratch;
  Dma dma;
};

// A number format that the matrix unit takes.
struct Format {
  std::string name;
  std::int64_t element_bits = 0, block = 0;
  std::string scale, minimum;
  std::int64_t offset = 0;
  std::string decode;
  bool weight = false, activation = false;
  double rate = 0;        // of rows · cols · k multiply-adds per cycle
  std::string transcode;  // converted to this format while loading
};

// One router per core: the grid is that of the die.
struct Noc {
  std::string topology;
  std::int64_t rows = 0, cols = 0;  // of one die: its grid of cores
  std::int64_t planes = 0;
  BytesPerCycle data_width, control_width;
  Cycles hop;
  std::int64_t router_buffer = 0;
  std::string routing;
  std::vector<std::string> multicast, reduce;
  std::int64_t qos_classes = 0;
};

enum class Affinity { core, die, interleave };

// One tier of memory. Our own state how it is built; bought ones what it amounts to.
struct Memory {
  std::string id;
  std::int64_t tier = 1;  // 0 on-chip cache, 1 main, 2 and more: farther away
  std::string type;
  std::vector<std::string> vendors;
  std::int64_t stacks = 0;
  std::optional<Bytes> capacity_per_stack;
  std::int64_t stack_height = 0, channels_per_stack = 0, pseudo_channels = 0;
  std::optional<Bytes> pseudo_width;
  std::optional<Sourced<BytesPerSecond>> pin_rate;
  std::optional<Sourced<Bytes>> capacity;            // of the tier
  std::optional<Sourced<BytesPerSecond>> bandwidth;  // of the tier
  Affinity affinity = Affinity::interleave;
  std::string ecc;
  std::optional<Sourced<JoulesPerByte>> energy;      // device and interposer
  std::optional<Sourced<JoulesPerByte>> phy_energy;  // PHY and controller
  std::optional<Sourced<SquareMetres>> phy_area_per_stack;
  std::optional<Sourced<Dollars>> price_per_stack;
  std::int64_t lane_repair = 0;
  std::string via;             // the link it hangs on
  std::int64_t shared_by = 1;  // chips
};

// Timing of one tier: a bank model, or a fixed latency.
struct MemoryTiming {
  std::string memory;
  std::string model;
  Bytes page;
  std::int64_t banks = 0;
  Bytes burst;
  std::optional<Sourced<Seconds>> tck, trcd, trp, tras, trc, trrd_s, trrd_l, tfaw, twtr_l, trefi,
      trfc_pb, read_latency;
  std::optional<Sourced<Cycles>> tccd_s, tccd_l, trtw;
  std::string refresh, mapping;
  std::optional<Cycles> latency;  // of the fixed model
  bool in_order = false;
};

enum class LinkRole { scale_up, scale_out, host };

struct Link {
  std::string id;
  LinkRole role = LinkRole::scale_up;
  std::string protocol;
  std::int64_t lanes = 0;
  std::optional<BytesPerSecond> lane_rate;           // per direction
  std::optional<Sourced<BytesPerSecond>> bandwidth;  // per direction, all lanes
  std::optional<Sourced<double>> efficiency;
  std::optional<Sourced<Seconds>> phy_latency;  // of one end
  std::optional<Sourced<JoulesPerByte>> energy;
  std::optional<Sourced<SquareMetres>> area;
};

struct Collective {
  std::int64_t engines = 0;
  std::vector<std::string> operations;
  BytesPerSecond reduce_rate;
  Seconds setup;
};

struct System {
  std::int64_t chips_per_tray = 1, trays_per_rack = 1;
  std::int64_t scaleup_domain = 1;
  std::string scaleup_topology;
  std::int64_t switches = 0;
  std::optional<Seconds> switch_latency;
  bool switch_reduce = false;
  std::optional<Seconds> cable_latency;
  std::optional<Sourced<BytesPerSecond>> scaleout_rate;  // per chip, beyond the domain
  std::int64_t host_cpus_per_tray = 0;
  std::optional<Sourced<Watts>> host_power_per_chip, network_power_per_chip;
  std::optional<Sourced<double>> fan_pump, psu_efficiency, pue;
  std::optional<Sourced<Watts>> provisioned_power;  // per chip, with all that surrounds it
};

struct Isa {
  std::int64_t version = 1;
  std::vector<std::string> optional;
  std::int64_t kv_page = 0;  // tokens
  std::vector<std::string> kv_formats;
  std::int64_t max_heads_per_qk = 0, max_experts = 0, loop_nest = 0;
};

struct Rtl {
  std::string top;
  std::vector<std::string> generate;
  std::string sram_macro, reset;
  std::vector<std::int64_t> cell_pipeline;
  bool assertions = true;
};

// Of one instance each.
struct AreaCoefficients {
  Sourced<SquareMetres> vector_per_core, dma_per_core, sequencer_per_core, noc_per_core;
  Sourced<SquareMetres> ethernet_collectives, d2d, misc;
};

// Of one action each: a multiply-add, a byte, a byte over one hop, a vector operation.
struct EnergyCoefficients {
  Sourced<Joules> mac_int8, operand_per_mac, accumulate_per_mac, mac_w4;
  Sourced<JoulesPerByte> sram, noc_hop;
  Sourced<Joules> vector_operation;
  Sourced<Watts> base;  // clocks and everything that runs always
};

struct Yield {
  Sourced<PerSquareMetre> d0;
  std::string model;
  Sourced<double> alpha, repairable_area, repair_success, assembly_loss;
};

struct Bin {
  std::string name;
  std::int64_t cores_off = 0, stacks_off = 0;  // that need not work
  double share = 0, price = 1;
};

// What is achieved of the peak: the honest part. A run names the set that it uses.
struct Derate {
  std::string name;
  Sourced<double> memory;                   // of the memory bandwidth
  Sourced<double> mac_prefill, mac_decode;  // of the peak operations
  Sourced<double> link;                     // of the link bandwidth
  Sourced<double> overlap;                  // of communication hidden behind work
  Sourced<Seconds> layer, collective, step_host;
  Sourced<double> software;  // achieved by the software of what the others allow
};

struct Cost {
  std::optional<Sourced<Dollars>> wafer;
  std::optional<Sourced<Metres>> wafer_diameter, wafer_edge;
  std::optional<Sourced<DollarsPerSquareMetre>> interposer;
  std::optional<Sourced<Dollars>> package_fixed, test;
  std::optional<Sourced<double>> partner_margin;
  std::optional<Sourced<Dollars>> nre;
  std::optional<Sourced<double>> units, respin_probability;
  std::optional<Sourced<Dollars>> respin;
  std::optional<Sourced<Seconds>> respin_time;
  std::optional<Sourced<Dollars>> system_per_chip;
  std::optional<Sourced<Seconds>> life;
  std::optional<Sourced<double>> wacc;
  std::optional<Sourced<DollarsPerJoule>> space;  // USD per kW and year
  std::optional<Sourced<DollarsPerJoule>> electricity;
  std::optional<Sourced<double>> occupancy;
  std::optional<Sourced<DollarsPerSecond>> rent;  // of a bought chip
  std::optional<Sourced<Dollars>> price;
  std::optional<Sourced<Dollars>> cogs;
};

struct SupplyLimit {
  std::string part;
  double per_chip = 0;
};

struct Supply {
  std::string first_silicon, volume_start;  // "2027-03-01"
  std::vector<std::int64_t> ramp;           // units per quarter
  Sourced<Seconds> slip;
  std::vector<SupplyLimit> limits;
};

// Dense peak rates as the maker states them.
struct Peak {
  std::optional<Sourced<OperationsPerSecond>> bf16, fp8, fp4, int8;
  std::optional<std::int64_t> cores;    // SMs, CUs
  std::optional<Sourced<Hertz>> clock;  // at which the rates are stated
};

// What the description says of itself. The loader computes the same and compares.
struct Expect {
  std::optional<std::int64_t> cores;
  std::optional<double> macs_per_cycle;
  std::optional<OperationsPerSecond> peak_int8, peak_w4;
  std::optional<BytesPerSecond> memory_bandwidth;
  std::optional<Bytes> memory_capacity, scratch;
  std::optional<BytesPerSecond> link_bandwidth;  // per direction, all scale-up links
  std::optional<SquareMetres> die_area;          // of one die
  double tolerance = 0.02;
};

enum class OriginKind { file, inherited, command_line, standard };

// One resolved value, for `check --resolved`, `--explain` and the digest.
struct Value {
  std::string path;  // "memory.hbm.stacks"
  std::string text;  // canonical, with its unit: "8", "9.2 Gb/s"
  std::string low, high;
  std::string source;
  Basis basis = Basis::none;
  OriginKind origin = OriginKind::file;
  std::string where;  // "chips/churon-1.toml:141", "--set memory.hbm.stacks=6", …
  // How far up the line of descriptions it is stated: -1 by --set, 0 by the file, 1 by what the
  // file inherits, …; and since where it has this value, which a description may state once more.
  int stated = 0, since = 0;
};

struct Chip {
  std::string id;  // of the file: "churon-1", "h200"
  std::string name;
  Kind kind = Kind::full;
  std::vector<std::string> aliases;
  std::string vendor, version, summary;
  std::string confidence;  // of a bought chip's numbers: "high", "medium", "low"
  std::int64_t year = 0;
  std::map<std::string, std::string> sources;

  std::optional<Technology> technology;
  std::optional<Package> package;
  std::vector<Die> dies;
  std::vector<DieInstance> die_instances;
  std::vector<DieToDie> d2d;
  std::optional<Clock> clock;
  Power power;
  std::optional<Core> core;
  std::vector<Format> formats;
  std::optional<Noc> noc;
  std::vector<Memory> memories;
  std::vector<MemoryTiming> memory_timings;
  std::vector<Link> links;
  std::optional<Collective> collective;
  std::optional<System> system;
  std::optional<Isa> isa;
  std::optional<Rtl> rtl;
  std::optional<AreaCoefficients> area;
  std::optional<EnergyCoefficients> energy;
  std::optional<Yield> yield;
  std::vector<Bin> bins;
  std::string derate_default;
  std::vector<Derate> derates;
  std::optional<Cost> cost;
  std::optional<Supply> supply;
  std::optional<Peak> peak;
  std::optional<Expect> expect;

  std::vector<Value> values;  // in the order of the key tables
  std::string text;           // the resolved description; it loads to the same chip
  std::string digest;         // SHA-256 of `text`
};

// --- loading ------------------------------------------------------------------------------------

// `chip` is a name as chip/names.h compares it ("churon-1", "H200", "NVIDIA H200-SXM"), shipped or
// in the user's folder (which wins), or a path that ends in .toml. `overrides` are the texts of
// --set: "memory.hbm.stacks=6", "clock.core=1.4 GHz". A stage reports all it finds, then stops.
Result<Chip> load(std::string_view chip, std::span<const std::string> overrides = {});

// The resolved description as a text: `chip.text`.
const std::string& dump(const Chip& chip);

struct Listed {
  std::string id;
  std::string path;
  bool is_of_user = false;
};
// Shipped chips and those of the user's folder ($XDG_CONFIG_HOME/churon/chips), by id; the user's
// own takes the place of a shipped one of the same id, however that is spelled.
std::vector<Listed> listed();

// --- what stages ask, of every kind of chip -----------------------------------------------------

// Block formats the chip takes as weights, in the order of its description. A bought chip unpacks
// blocks in its kernels: it takes all of them.
std::vector<numeric::BlockFormat> native_weights(const Chip& chip);

enum class Activation {
  block8,  // q8_0 or mxint8
  int16,   // the probabilities of attention (rule 5)
};
// The format of activations that the chip prefers: q8_0, or mxint8 where q8_0 is not listed.
numeric::BlockFormat activation_format(const Chip& chip);

// Dense operations (two per multiply-add) per second at the nominal clock; zero for weights that
// the chip does not take. Bought chips run block formats at the higher of their int8 and fp8 rates
// (4-bit weights are widened: the activations stay at 8 bit), at bf16 where they have neither, and
// int16 activations at bf16.
OperationsPerSecond peak_operations(const Chip& chip, numeric::BlockFormat weights,
                                    Activation activations = Activation::block8);

// Of the main memory (tier 1), all stacks.
BytesPerSecond memory_bandwidth(const Chip& chip);
Bytes memory_capacity(const Chip& chip);
const Memory& main_memory(const Chip& chip);
// Of one tier; zero where nothing says.
BytesPerSecond memory_bandwidth(const Memory& memory);
Bytes memory_capacity(const Memory& memory);

// Of the scale-up links together, before their efficiency; none: zero.
BytesPerSecond link_bandwidth_per_direction(const Chip& chip);
BytesPerSecond link_bandwidth(const Link& link);

// What the description states, and nothing where its source states nothing.
std::optional<Watts> tdp(const Chip& chip);
std::optional<Watts> idle_power(const Chip& chip);

std::int64_t cores(const Chip& chip);              // 0 for a bought chip
double multiply_adds_per_cycle(const Chip& chip);  // whole chip, at rate 1; 0 for a bought chip
Bytes scratch_capacity(const Chip& chip);          // all cores
// Placed dies, each counted; absent where nothing is published.
std::optional<SquareMetres> die_area(const Chip& chip);
std::optional<SquareMetres> die_area(const Die& die);

// Pseudo-channels of the main memory that each core owns (affinity `core`), 0 otherwise.
std::int64_t pseudo_channels_per_core(const Chip& chip);
// Energy per action in a power state, relative to nominal: (V / V0)².
double dynamic_scale(const Chip& chip, const PowerState& state);

// The named set, or the default one for an empty name; nullptr when there is none of that name.
const Derate* derate(const Chip& chip, std::string_view name = {});

}  // namespace churon::chip
