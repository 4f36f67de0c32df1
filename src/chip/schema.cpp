#include "chip/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <type_traits>

namespace churon::chip {

namespace {

// --- how a value becomes a member ---------------------------------------------------------------

template <typename T>
struct IsSourced : std::false_type {};
template <typename T>
struct IsSourced<Sourced<T>> : std::true_type {
  using Inner = T;
};
template <typename T>
struct IsOptional : std::false_type {
  using Inner = T;
};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {
  using Inner = T;
};

template <typename T>
T from_number(double number) {
  if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
    return static_cast<T>(static_cast<std::int64_t>(number));
  } else {
    return T(number);
  }
}

template <typename T>
void assign(T& member, const Scalar& value) {
  if constexpr (IsOptional<T>::value) {
    assign(member.emplace(), value);
  } else if constexpr (IsSourced<T>::value) {
    using Inner = typename IsSourced<T>::Inner;
    member.value = from_number<Inner>(value.number);
    if (value.low) {
      member.low = from_number<Inner>(*value.low);
    }
    if (value.high) {
      member.high = from_number<Inner>(*value.high);
    }
    member.source = value.source;
    member.basis = value.basis;
  } else if constexpr (std::is_same_v<T, std::string>) {
    member = value.text;
  } else if constexpr (std::is_same_v<T, bool>) {
    member = value.flag;
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    member = value.texts;
  } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
    member = value.counts;
  } else {
    member = from_number<T>(value.number);
  }
}

template <typename C, typename T>
C class_of(T C::*);
template <typename C, typename T>
T member_of(T C::*);

template <auto Member>
void bind(void* table, const Scalar& value) {
  using C = decltype(class_of(Member));
  assign(static_cast<C*>(table)->*Member, value);
}

template <auto Member>
constexpr Row row(std::string_view key, Form form, std::string_view doc) {
  using T = decltype(member_of(Member));
  return {.key = key,
          .form = form,
          .sourced = IsSourced<typename IsOptional<T>::Inner>::value,
          .need = IsOptional<T>::value ? Need::optional : Need::required,
          .doc = doc,
          .bind = bind<Member>};
}
template <auto Member>
constexpr Row quantity(std::string_view key, QuantityKind kind, Range range, std::string_view doc) {
  Row made = row<Member>(key, Form::quantity, doc);
  made.kind = kind;
  made.range = range;
  return made;
}
template <auto Member>
constexpr Row count(std::string_view key, Range range, std::string_view doc) {
  return quantity<Member>(key, QuantityKind::count, range, doc);
}
template <auto Member>
constexpr Row fraction(std::string_view key, std::string_view doc) {
  return quantity<Member>(key, QuantityKind::fraction, {"0", "1"}, doc);
}
template <auto Member>
constexpr Row text(std::string_view key, std::string_view doc) {
  return row<Member>(key, Form::text, doc);
}
template <auto Member>
constexpr Row texts(std::string_view key, std::string_view doc) {
  return row<Member>(key, Form::texts, doc);
}
template <auto Member>
constexpr Row word(std::string_view key, Words words, std::string_view doc) {
  Row made = row<Member>(key, Form::word, doc);
  made.words = words;
  return made;
}
template <auto Member>
constexpr Row words(std::string_view key, Words allowed, std::string_view doc) {
  Row made = row<Member>(key, Form::words, doc);
  made.words = allowed;
  return made;
}
template <auto Member>
constexpr Row flag(std::string_view key, std::string_view doc) {
  return row<Member>(key, Form::flag, doc);
}

using Q = QuantityKind;
using W = std::string_view;

// --- words --------------------------------------------------------------------------------------

constexpr std::array<W, 7> kBases{"none",     "spec",    "vendor", "press",
                                  "measured", "derived", "guess"};
constexpr std::array<W, 3> kKinds{"full", "opaque", "base"};
constexpr std::array<W, 3> kConfidences{"high", "medium", "low"};
constexpr std::array<W, 5> kPackages{"monolithic", "2.5d-interposer", "2.5d-bridge", "3d",
                                     "organic"};
constexpr std::array<W, 3> kCoolings{"air", "cold-plate", "immersion"};
constexpr std::array<W, 4> kSparePolicies{"none", "any", "row", "column"};
constexpr std::array<W, 3> kD2dTypes{"ucie-a", "ucie-s", "proprietary"};
constexpr std::array<W, 3> kCapPolicies{"none", "stretch-core-clock", "stall-issue"};
constexpr std::array<W, 5> kQueues{"ld", "st", "mx", "vx", "ct"};
constexpr std::array<W, 1> kMatrixStyles{"block-dot"};
constexpr std::array<W, 1> kAccumulators{"fp32"};
constexpr std::array<W, 1> kAccumulateOrders{"k-ascending"};
constexpr std::array<W, 4> kScales{"fp16", "e8m0", "fp32", "none"};
constexpr std::array<W, 2> kMinima{"none", "fp16"};
constexpr std::array<W, 2> kDecodes{"none", "e2m1x2"};
constexpr std::array<W, 4> kEccs{"none", "parity", "secded", "on-die+link"};
constexpr std::array<W, 5> kTopologies{"mesh", "torus", "ring", "crossbar", "fat-tree"};
constexpr std::array<W, 2> kRoutings{"xy", "shortest"};
constexpr std::array<W, 3> kMulticasts{"row", "col", "mask"};
constexpr std::array<W, 3> kReductions{"fp32-add", "bf16-add", "softmax-merge"};
constexpr std::array<W, 12> kMemoryTypes{"hbm2",  "hbm2e", "hbm3",   "hbm3e",     "hbm4", "lpddr5x",
                                         "gddr6", "gddr7", "lpddr5", "ddr5-host", "sram", "ddr5"};
constexpr std::array<W, 3> kAffinities{"core", "die", "interleave"};
constexpr std::array<W, 2> kTimingModels{"bank", "fixed"};
constexpr std::array<W, 3> kRefreshes{"none", "all-bank", "per-bank"};
constexpr std::array<W, 3> kRoles{"scale-up", "scale-out", "host"};
constexpr std::array<W, 5> kCollectives{"all-reduce", "reduce-scatter", "all-gather", "all-to-all",
                                        "broadcast"};
constexpr std::array<W, 5> kScaleups{"switched-1-tier", "mesh", "torus-2d", "torus-3d",
                                     "dragonfly"};
constexpr std::array<W, 12> kInstructions{"ld.gather",  "ld.page", "ld.mc",     "st.page",
                                          "st.scatter", "st.red",  "snd",       "mx.qk",
                                          "mx.pv",      "vx.topk", "vx.sample", "ct.coll"};
constexpr std::array<W, 2> kKvFormats{"q8_0", "mxint8"};
constexpr std::array<W, 3> kGenerated{"chip", "core", "noc_router"};
constexpr std::array<W, 2> kResets{"sync", "async"};
constexpr std::array<W, 4> kYieldModels{"poisson", "murphy", "seeds", "negative-binomial"};

// --- rows ---------------------------------------------------------------------------------------

constexpr std::array kTop{
    text<&Chip::name>("name", "what people call the chip"),
    word<&Chip::kind>("kind", kKinds,
                      "`full`: ours, every stage can read it; `opaque`: bought, known from data "
                      "sheets; `base`: not a chip, what others inherit"),
    texts<&Chip::aliases>("aliases", "other names that find this file").or_else("[]"),
    text<&Chip::vendor>("vendor", "who makes it").or_else("\"\""),
    text<&Chip::version>("version", "of the description").or_else("\"\""),
    count<&Chip::year>("year", {"2015", "2040"}, "of the first silicon").or_else("2026"),
    text<&Chip::summary>("summary", "one line for lists").or_else("\"\""),
    word<&Chip::confidence>("confidence", kConfidences,
                            "how well a bought chip's numbers are established")
        .optional(),
};

constexpr std::array kTechnology{
    text<&Technology::library>("library", "key into the technology data: density, leakage, wafer"),
    quantity<&Technology::logic_voltage>("logic_voltage", Q::voltage, {"0.3 V", "2 V"},
                                         "nominal supply of the logic"),
    quantity<&Technology::temperature>("temperature", Q::temperature, {"-40 degC", "125 degC"},
                                       "of the junction, for leakage"),
    quantity<&Technology::sram_density>("sram_density", Q::density, {"0.001 MiB/mm2", "50 MiB/mm2"},
                                        "net of redundancy and ECC"),
    quantity<&Technology::mac_int8_area>("mac_int8_area", Q::area, {"1 um2", "20000 um2"},
                                         "one int8 multiply-add's share of a cell, accumulation "
                                         "included"),
    fraction<&Technology::utilisation>("utilisation", "share of a placed block that is cells"),
    quantity<&Technology::area_contingency>("area_contingency", Q::fraction, {"0", "2"},
                                            "added to the sum of the blocks"),
    quantity<&Technology::leakage>("leakage", Q::power_density, {"0 W/mm2", "2 W/mm2"},
                                   "per area of a die, at `temperature`"),
};

constexpr std::array kPackage{
    word<&Package::type>("type", kPackages, "how the dies are held together"),
    quantity<&Package::interposer_width>("interposer_width", Q::length, {"5 mm", "200 mm"},
                                         "x of the interposer"),
    quantity<&Package::interposer_height>("interposer_height", Q::length, {"5 mm", "200 mm"},
                                          "y of the interposer"),
    quantity<&Package::substrate_width>("substrate_width", Q::length, {"5 mm", "300 mm"},
                                        "x of the substrate"),
    quantity<&Package::substrate_height>("substrate_height", Q::length, {"5 mm", "300 mm"},
                                         "y of the substrate"),
    word<&Package::cooling>("cooling", kCoolings, "what takes the heat away"),
    quantity<&Package::theta_jc>("theta_jc", Q::thermal_resistance, {"0.001 K/W", "50 K/W"},
                                 "junction to case"),
};

constexpr std::array kDie{
    text<&Die::node>("node", "key into the technology data, or the process as published")
        .or_else("\"\""),
    quantity<&Die::width>("width", Q::length, {"0.1 mm", "300 mm"}, "x, as drawn"),
    quantity<&Die::height>("height", Q::length, {"0.1 mm", "300 mm"}, "y, as drawn"),
    quantity<&Die::area>("area", Q::area, {"0.01 mm2", "50000 mm2"},
                         "as published, where no drawing is"),
    count<&Die::count>("count", {"1", "64"}, "dies of this type; a full chip places them instead")
        .or_else("1"),
    count<&Die::core_rows>("core_rows", {"1", "1024"}, "grid of enabled cores").full(),
    count<&Die::core_cols>("core_cols", {"1", "1024"}, "grid of enabled cores").full(),
    count<&Die::spare_cores>("spare_cores", {"0", "1024"}, "drawn beyond the grid, for repair")
        .or_else("0"),
    word<&Die::spare_policy>("spare_policy", kSparePolicies,
                             "which faulty core a spare replaces: `any` by column shift")
        .or_else("\"none\""),
};

constexpr std::array kDieInstance{
    text<&DieInstance::die>("die", "the id of the die type"),
    quantity<&DieInstance::x>("x", Q::length, {"0 mm", "300 mm"}, "left edge on the interposer"),
    quantity<&DieInstance::y>("y", Q::length, {"0 mm", "300 mm"}, "lower edge on the interposer"),
    quantity<&DieInstance::rotate>("rotate", Q::angle, {"0 deg", "270 deg"}, "0, 90, 180 or 270")
        .or_else("\"0 deg\""),
};

constexpr std::array kDieToDie{
    texts<&DieToDie::between>("between", "the two die instances"),
    word<&DieToDie::type>("type", kD2dTypes, "the interface"),
    count<&DieToDie::modules>("modules", {"1", "256"}, "side by side"),
    quantity<&DieToDie::bandwidth_per_module>("bandwidth_per_module", Q::bandwidth,
                                              {"1 GB/s", "10 TB/s"}, "per direction"),
    quantity<&DieToDie::latency>("latency", Q::time, {"0.1 ns", "1 us"},
                                 "from the logic of one die to that of the other"),
    quantity<&DieToDie::energy>("energy", Q::energy_per_bit, {"0.01 pJ/bit", "20 pJ/bit"},
                                "both ends"),
};

constexpr Range kClockRange{"1 MHz", "5 GHz"};
constexpr std::array kClock{
    quantity<&Clock::core>("core", Q::frequency, kClockRange, "of the engines"),
    quantity<&Clock::noc>("noc", Q::frequency, kClockRange, "of the on-chip network"),
    quantity<&Clock::management>("management", Q::frequency, kClockRange,
                                 "of the management cores"),
};

constexpr std::array kPower{
    quantity<&Power::tdp>("tdp", Q::power, {"1 mW", "50 kW"}, "thermal design power of the package")
        .full(),
    quantity<&Power::idle>("idle", Q::power, {"0 W", "10 kW"}, "with nothing to do, gated").full(),
    word<&Power::cap_policy>("cap_policy", kCapPolicies, "what happens at the TDP")
        .or_else("\"none\""),
    quantity<&Power::cap_window>("cap_window", Q::time, {"1 ns", "1 s"},
                                 "over which power is averaged"),
};

constexpr std::array kPowerState{
    quantity<&PowerState::core>("core", Q::frequency, kClockRange, "core clock in this state"),
    quantity<&PowerState::voltage>("voltage", Q::voltage, {"0.3 V", "2 V"}, "of the logic"),
};

constexpr std::array kCore{
    words<&Core::queues>("queues", kQueues, "engines with a command queue of their own"),
    count<&Core::queue_depth>("queue_depth", {"1", "4096"}, "commands a queue holds"),
    quantity<&Core::command_size>("command_size", Q::size, {"4 B", "256 B"}, "of one command"),
    count<&Core::tokens>("tokens", {"1", "1024"},
                         "counting tokens that commands wait for and post"),
    count<&Core::token_max>("token_max", {"1", "65535"}, "where a token saturates"),
    count<&Core::parameter_registers>("parameter_registers", {"1", "4096"},
                                      "for what is known only when a step runs"),
    quantity<&Core::program_cache>("program_cache", Q::size, {"256 B", "16 MiB"},
                                   "of the sequencer"),
    quantity<&Core::program_fetch>("program_fetch", Q::port, {"1 B/cycle", "1024 B/cycle"},
                                   "into the program cache"),
};

constexpr std::array kMatrix{
    word<&Matrix::style>("style", kMatrixStyles, "of the array"),
    count<&Matrix::rows>("rows", {"1", "1024"}, "of cells: tokens (M)"),
    count<&Matrix::cols>("cols", {"1", "1024"}, "of cells: output columns (N)"),
    count<&Matrix::k>("k", {"1", "1024"}, "width of the dot product of a cell in one cycle"),
    quantity<&Matrix::pipeline>("pipeline", Q::cycles, {"1 cycles", "256 cycles"},
                                "from operands to accumulator"),
    word<&Matrix::accumulator>("accumulator", kAccumulators, "type of the partial results"),
    word<&Matrix::accumulate_order>("accumulate_order", kAccumulateOrders,
                                    "part of the bit-exact contract"),
    count<&Matrix::accumulator_banks>("accumulator_banks", {"1", "16"},
                                      "two let the drain overlap the next tile"),
    quantity<&Matrix::activation_ports>("activation_ports", Q::port, {"1 B/cycle", "65536 B/cycle"},
                                        "bytes of activations the array takes"),
    quantity<&Matrix::weight_ports>("weight_ports", Q::port, {"1 B/cycle", "65536 B/cycle"},
                                    "bytes of weights the array takes"),
    count<&Matrix::weight_hold>("weight_hold", {"1", "1024"},
                                "row groups that use a loaded weight block before the next one"),
};

constexpr std::array kVector{
    count<&Vector::lanes_fp32>("lanes_fp32", {"1", "65536"}, "FP32 operations per cycle"),
    count<&Vector::lanes_bf16>("lanes_bf16", {"1", "65536"}, "BF16 operations per cycle"),
    text<&Vector::exp>("exp", "how exp2 is computed"),
    quantity<&Vector::softmax_operations_per_score>("softmax_operations_per_score", Q::number,
                                                    {"1", "100"}, "lane operations for one score"),
    quantity<&Vector::register_file>("register_file", Q::size, {"64 B", "16 MiB"},
                                     "of the vector unit"),
    quantity<&Vector::latency>("latency", Q::cycles, {"1 cycles", "1000 cycles"},
                               "of one operation"),
};

constexpr std::array kScratch{
    quantity<&Scratch::size>("size", Q::size, {"1 KiB", "1 GiB"}, "of one core"),
    count<&Scratch::banks>("banks", {"1", "1024"}, "that serve one access a cycle each"),
    quantity<&Scratch::bank_width>("bank_width", Q::port, {"1 B/cycle", "4096 B/cycle"},
                                   "of one bank"),
    quantity<&Scratch::read_latency>("read_latency", Q::cycles, {"1 cycles", "256 cycles"},
                                     "from address to data"),
    word<&Scratch::ecc>("ecc", kEccs, "protection"),
};

constexpr std::array kShares{
    fraction<&ScratchShares::weights>("weights", "ring of weight tiles"),
    fraction<&ScratchShares::activations>("activations", "inputs of products"),
    fraction<&ScratchShares::kv>("kv", "ring of cache pages"),
    fraction<&ScratchShares::partials>("partials", "partial results"),
};

constexpr std::array kDma{
    count<&Dma::channels>("channels", {"1", "256"}, "that move data at the same time"),
    count<&Dma::outstanding>("outstanding", {"1", "4096"}, "bursts in flight"),
    quantity<&Dma::burst>("burst", Q::size, {"16 B", "64 KiB"}, "of one request"),
    quantity<&Dma::gather_rows_per_cycle>("gather_rows_per_cycle", Q::number, {"0.001", "64"},
                                          "rows of a gather that start per cycle"),
    quantity<&Dma::page_walk_latency>("page_walk_latency", Q::cycles, {"1 cycles", "10000 cycles"},
                                      "of one page table entry"),
    texts<&Dma::unpack>("unpack", "formats widened on the way in").or_else("[]"),
};

constexpr std::array kFormat{
    count<&Format::element_bits>("element_bits", {"1", "32"}, "of one element"),
    count<&Format::block>("block", {"1", "1024"}, "elements that share a scale"),
    word<&Format::scale>("scale", kScales, "type of the scale"),
    word<&Format::minimum>("minimum", kMinima, "type of the minimum").or_else("\"none\""),
    count<&Format::offset>("offset", {"-128", "0"}, "added to the stored element").or_else("0"),
    word<&Format::decode>("decode", kDecodes, "how a stored element becomes an integer")
        .or_else("\"none\""),
    flag<&Format::weight>("weight", "accepted as weights"),
    flag<&Format::activation>("activation", "accepted as activations"),
    quantity<&Format::rate>("rate", Q::number, {"0.001", "64"},
                            "of rows · cols · k multiply-adds per cycle; of an activation format, "
                            "what it makes of the rate of "
                            "the weights"),
    text<&Format::transcode>("transcode", "the format it is converted to while loading")
        .or_else("\"\""),
};

constexpr std::array kNoc{
    word<&Noc::topology>("topology", kTopologies, "of one die; die-to-die links extend the rows"),
    count<&Noc::planes>("planes", {"1", "16"}, "independent networks"),
    quantity<&Noc::data_width>("data_width", Q::port, {"1 B/cycle", "4096 B/cycle"},
                               "of a link, per direction"),
    quantity<&Noc::control_width>("control_width", Q::port, {"1 B/cycle", "4096 B/cycle"},
                                  "of a link of the control plane, per direction"),
    quantity<&Noc::hop>("hop", Q::cycles, {"1 cycles", "100 cycles"}, "router and wire"),
    count<&Noc::router_buffer>("router_buffer", {"1", "1024"}, "flits per input"),
    word<&Noc::routing>("routing", kRoutings, "the path that is taken"),
    words<&Noc::multicast>("multicast", kMulticasts, "sets that one packet reaches").or_else("[]"),
    words<&Noc::reduce>("reduce", kReductions, "what routers combine").or_else("[]"),
    count<&Noc::qos_classes>("qos_classes", {"1", "16"}, "priorities"),
};

constexpr std::array kMemory{
    count<&Memory::tier>("tier", {"0", "9"}, "0: cache on the chip, 1: main memory, more: farther"),
    word<&Memory::type>("type", kMemoryTypes, "of the devices"),
    texts<&Memory::vendors>("vendors", "who makes them").or_else("[]"),
    count<&Memory::stacks>("stacks", {"1", "1024"}, "or devices").optional(),
    quantity<&Memory::capacity_per_stack>("capacity_per_stack", Q::size, {"1 MB", "1 TB"},
                                          "of one stack"),
    count<&Memory::stack_height>("stack_height", {"1", "64"}, "dies in a stack").optional(),
    count<&Memory::channels_per_stack>("channels_per_stack", {"1", "256"}, "independent channels")
        .optional(),
    count<&Memory::pseudo_channels>("pseudo_channels", {"1", "16"}, "per channel").optional(),
    quantity<&Memory::pseudo_width>("pseudo_width", Q::width, {"1 bit", "4096 bit"},
                                    "data pins of a pseudo-channel"),
    quantity<&Memory::pin_rate>("pin_rate", Q::bit_rate, {"0.1 Gb/s", "64 Gb/s"},
                                "of one data pin"),
    quantity<&Memory::capacity>("capacity", Q::size, {"1 kB", "100 TB"},
                                "of all devices, where no stacks are stated or less is usable"),
    quantity<&Memory::bandwidth>("bandwidth", Q::bandwidth, {"10 MB/s", "100 PB/s"},
                                 "of all devices, where no pins are stated"),
    word<&Memory::affinity>("affinity", kAffinities,
                            "`core`: every core has channels of its own; `die`: every die; "
                            "`interleave`: all cores use all")
        .or_else("\"interleave\""),
    word<&Memory::ecc>("ecc", kEccs, "protection").or_else("\"none\""),
    quantity<&Memory::energy>("energy", Q::energy_per_bit, {"0.01 pJ/bit", "100 pJ/bit"},
                              "of a transferred bit, device and interposer"),
    quantity<&Memory::phy_energy>("phy_energy", Q::energy_per_bit, {"0.01 pJ/bit", "100 pJ/bit"},
                                  "of PHY and controller"),
    quantity<&Memory::phy_area_per_stack>("phy_area_per_stack", Q::area, {"0.01 mm2", "100 mm2"},
                                          "PHY and controller on the die"),
    quantity<&Memory::price_per_stack>("price_per_stack", Q::money, {"0.1 USD", "50000 USD"},
                                       "as bought"),
    count<&Memory::lane_repair>("lane_repair", {"0", "1024"}, "spare lanes per stack").or_else("0"),
    text<&Memory::via>("via", "the link it hangs on; empty: on the package").or_else("\"\""),
    count<&Memory::shared_by>("shared_by", {"1", "1024"}, "chips that share it").or_else("1"),
};

constexpr Range kNanoseconds{"0.05 ns", "1 us"};
constexpr std::array kMemoryTiming{
    word<&MemoryTiming::model>("model", kTimingModels,
                               "`bank`: rows, refresh and turnaround; `fixed`: one latency")
        .or_else("\"bank\""),
    quantity<&MemoryTiming::page>("page", Q::size, {"64 B", "64 KiB"}, "of an open row").optional(),
    count<&MemoryTiming::banks>("banks", {"1", "4096"}, "of a pseudo-channel").optional(),
    quantity<&MemoryTiming::burst>("burst", Q::size, {"1 B", "4 KiB"}, "of one access").optional(),
    quantity<&MemoryTiming::tck>("tck", Q::time, kNanoseconds, "clock of the command bus"),
    quantity<&MemoryTiming::trcd>("trcd", Q::time, kNanoseconds, "activate to read"),
    quantity<&MemoryTiming::trp>("trp", Q::time, kNanoseconds, "precharge to activate"),
    quantity<&MemoryTiming::tras>("tras", Q::time, kNanoseconds, "activate to precharge"),
    quantity<&MemoryTiming::trc>("trc", Q::time, kNanoseconds, "activate to activate, same bank"),
    quantity<&MemoryTiming::trrd_s>("trrd_s", Q::time, kNanoseconds,
                                    "activate to activate, other bank group"),
    quantity<&MemoryTiming::trrd_l>("trrd_l", Q::time, kNanoseconds,
                                    "activate to activate, same bank group"),
    quantity<&MemoryTiming::tfaw>("tfaw", Q::time, kNanoseconds, "window of four activates"),
    quantity<&MemoryTiming::tccd_s>("tccd_s", Q::cycles, {"1 cycles", "64 cycles"},
                                    "read to read, other bank group"),
    quantity<&MemoryTiming::tccd_l>("tccd_l", Q::cycles, {"1 cycles", "64 cycles"},
                                    "read to read, same bank group"),
    quantity<&MemoryTiming::twtr_l>("twtr_l", Q::time, kNanoseconds,
                                    "write to read, same bank group"),
    quantity<&MemoryTiming::trtw>("trtw", Q::cycles, {"1 cycles", "256 cycles"}, "read to write"),
    quantity<&MemoryTiming::trefi>("trefi", Q::time, {"100 ns", "100 us"},
                                   "between refresh commands"),
    quantity<&MemoryTiming::trfc_pb>("trfc_pb", Q::time, {"10 ns", "10 us"}, "refresh of one bank"),
    word<&MemoryTiming::refresh>("refresh", kRefreshes, "how it is refreshed").or_else("\"none\""),
    quantity<&MemoryTiming::read_latency>("read_latency", Q::time, {"1 ns", "10 us"},
                                          "controller, PHY and array, unloaded"),
    text<&MemoryTiming::mapping>("mapping", "of an address, highest field first").or_else("\"\""),
    quantity<&MemoryTiming::latency>("latency", Q::cycles, {"1 cycles", "100000 cycles"},
                                     "of the fixed model"),
    flag<&MemoryTiming::in_order>("in_order", "answers come in the order of the requests")
        .or_else("false"),
};

constexpr std::array kLink{
    word<&Link::role>("role", kRoles, "what it connects to"),
    text<&Link::protocol>("protocol", "on the wire"),
    count<&Link::lanes>("lanes", {"1", "4096"}, "per direction").optional(),
    quantity<&Link::lane_rate>("lane_rate", Q::bit_rate, {"1 Mb/s", "2 Tb/s"},
                               "of one lane, per direction"),
    quantity<&Link::bandwidth>("bandwidth", Q::bandwidth, {"1 MB/s", "1 PB/s"},
                               "of all lanes, per direction, where no lanes are stated"),
    fraction<&Link::efficiency>("efficiency", "payload of what the lanes carry"),
    quantity<&Link::phy_latency>("phy_latency", Q::time, {"0.1 ns", "100 us"},
                                 "of one end, error correction included"),
    quantity<&Link::energy>("energy", Q::energy_per_bit, {"0.01 pJ/bit", "100 pJ/bit"},
                            "of one end"),
    quantity<&Link::area>("area", Q::area, {"0.001 mm2", "500 mm2"}, "on the dies, all lanes"),
};

constexpr std::array kCollective{
    count<&Collective::engines>("engines", {"1", "256"}, "that work on their own"),
    words<&Collective::operations>("operations", kCollectives, "that they know"),
    quantity<&Collective::reduce_rate>("reduce_rate", Q::bandwidth, {"1 MB/s", "100 TB/s"},
                                       "bytes added per second"),
    quantity<&Collective::setup>("setup", Q::time, {"0 ns", "1 ms"}, "of one descriptor"),
};

constexpr std::array kSystem{
    count<&System::chips_per_tray>("chips_per_tray", {"1", "1024"}, "in one enclosure")
        .or_else("1"),
    count<&System::trays_per_rack>("trays_per_rack", {"1", "1024"}, "in one rack").or_else("1"),
    count<&System::scaleup_domain>("scaleup_domain", {"1", "100000"},
                                   "chips that reach each other over scale-up links"),
    word<&System::scaleup_topology>("scaleup_topology", kScaleups, "of the scale-up network")
        .full(),
    count<&System::switches>("switches", {"0", "100000"}, "of the scale-up network").or_else("0"),
    quantity<&System::switch_latency>("switch_latency", Q::time, {"0 ns", "100 us"},
                                      "through one switch"),
    flag<&System::switch_reduce>("switch_reduce", "switches add").or_else("false"),
    quantity<&System::cable_latency>("cable_latency", Q::time, {"0 ns", "10 us"}, "of one cable"),
    quantity<&System::scaleout_rate>("scaleout_rate", Q::bit_rate, {"0 Gb/s", "10 Tb/s"},
                                     "per chip and direction, beyond the domain"),
    count<&System::host_cpus_per_tray>("host_cpus_per_tray", {"0", "64"}, "that feed the chips")
        .or_else("0"),
    quantity<&System::host_power_per_chip>("host_power_per_chip", Q::power, {"0 W", "10 kW"},
                                           "a chip's share of the host"),
    quantity<&System::network_power_per_chip>("network_power_per_chip", Q::power, {"0 W", "10 kW"},
                                              "a chip's share of switches"),
    quantity<&System::fan_pump>("fan_pump", Q::fraction, {"0", "1"}, "of the power, for cooling"),
    fraction<&System::psu_efficiency>("psu_efficiency", "of the power supplies"),
    quantity<&System::pue>("pue", Q::number, {"1", "3"},
                           "power of the building over power of the racks"),
    quantity<&System::provisioned_power>("provisioned_power", Q::power, {"1 W", "100 kW"},
                                         "per chip, with host, network and cooling"),
};

constexpr std::array kIsa{
    count<&Isa::version>("version", {"1", "1"}, "of the instruction set"),
    words<&Isa::optional>("optional", kInstructions, "instructions beyond the base"),
    count<&Isa::kv_page>("kv_page", {"1", "65536"}, "tokens of a cache page"),
    words<&Isa::kv_formats>("kv_formats", kKvFormats, "of the cache; the first is the usual one"),
    count<&Isa::max_heads_per_qk>("max_heads_per_qk", {"1", "65536"}, "query heads of one command"),
    count<&Isa::max_experts>("max_experts", {"1", "1000000"}, "of one layer"),
    count<&Isa::loop_nest>("loop_nest", {"1", "64"}, "depth of loops"),
};

constexpr std::array kRtl{
    text<&Rtl::top>("top", "module at the top"),
    words<&Rtl::generate>("generate", kGenerated,
                          "what becomes SystemVerilog; the rest is modelled"),
    text<&Rtl::sram_macro>("sram_macro", "that memories are built from"),
    word<&Rtl::reset>("reset", kResets, "style"),
    row<&Rtl::cell_pipeline>("cell_pipeline", Form::counts,
                             "stages of multiply, tree, scale, accumulate"),
    flag<&Rtl::assertions>("assertions", "are generated").or_else("true"),
};

constexpr Range kBlockArea{"0 mm2", "500 mm2"};
constexpr std::array kArea{
    quantity<&AreaCoefficients::vector_per_core>("vector_per_core", Q::area, kBlockArea,
                                                 "vector unit"),
    quantity<&AreaCoefficients::dma_per_core>("dma_per_core", Q::area, kBlockArea,
                                              "DMA, unpack and gather"),
    quantity<&AreaCoefficients::sequencer_per_core>("sequencer_per_core", Q::area, kBlockArea,
                                                    "sequencer"),
    quantity<&AreaCoefficients::noc_per_core>("noc_per_core", Q::area, kBlockArea,
                                              "router and wires"),
    quantity<&AreaCoefficients::ethernet_collectives>("ethernet_collectives", Q::area, kBlockArea,
                                                      "MACs and collective engines, all dies"),
    quantity<&AreaCoefficients::d2d>("d2d", Q::area, kBlockArea, "die-to-die interfaces, all dies"),
    quantity<&AreaCoefficients::misc>("misc", Q::area, kBlockArea,
                                      "management, clocks, fuses, test, all dies"),
};

constexpr Range kActionEnergy{"0.0001 pJ", "1 nJ"};
constexpr std::array kEnergy{
    quantity<&EnergyCoefficients::mac_int8>("mac_int8", Q::energy, kActionEnergy,
                                            "int8 multiply-add"),
    quantity<&EnergyCoefficients::operand_per_mac>("operand_per_mac", Q::energy, kActionEnergy,
                                                   "bringing its operands"),
    quantity<&EnergyCoefficients::accumulate_per_mac>("accumulate_per_mac", Q::energy,
                                                      kActionEnergy, "scale and accumulate"),
    quantity<&EnergyCoefficients::mac_w4>("mac_w4", Q::energy, kActionEnergy,
                                          "multiply-add with a 4-bit weight"),
    quantity<&EnergyCoefficients::sram>("sram", Q::energy_per_byte, {"0.001 pJ/B", "1000 pJ/B"},
                                        "scratch, read or written"),
    quantity<&EnergyCoefficients::noc_hop>("noc_hop", Q::energy_per_byte,
                                           {"0.001 pJ/B", "1000 pJ/B"}, "over one hop"),
    quantity<&EnergyCoefficients::vector_operation>("vector_operation", Q::energy, kActionEnergy,
                                                    "one lane's operation"),
    quantity<&EnergyCoefficients::base>("base", Q::power, {"0 W", "5 kW"},
                                        "clocks and everything that always runs"),
};

constexpr std::array kYield{
    quantity<&Yield::d0>("d0", Q::defects, {"0.001 /cm2", "10 /cm2"}, "defect density"),
    word<&Yield::model>("model", kYieldModels, "how the defect density spreads"),
    quantity<&Yield::alpha>("alpha", Q::number, {"0.1", "100"}, "clustering"),
    fraction<&Yield::repairable_area>("repairable_area", "of the die, by spares"),
    fraction<&Yield::repair_success>("repair_success", "of the repairs that are tried"),
    fraction<&Yield::assembly_loss>("assembly_loss", "packages lost in assembly"),
};

constexpr std::array kBin{
    count<&Bin::cores_off>("cores_off", {"0", "1000000"}, "enabled cores that need not work"),
    count<&Bin::stacks_off>("stacks_off", {"0", "1024"}, "stacks of memory that need not work")
        .or_else("0"),
    fraction<&Bin::share>("share", "of the good packages"),
    quantity<&Bin::price>("price", Q::fraction, {"0", "1"}, "relative to the full part")
        .or_else("1.0"),
};

constexpr std::array kDerateTop{
    text<&Chip::derate_default>("default", "the set used where a run names none"),
};

constexpr std::array kDerate{
    fraction<&Derate::memory>("memory", "of the memory bandwidth"),
    fraction<&Derate::mac_prefill>("mac_prefill", "of the peak operations, in prefill"),
    fraction<&Derate::mac_decode>("mac_decode", "of the peak operations, in decode"),
    fraction<&Derate::link>("link", "of the link bandwidth"),
    fraction<&Derate::overlap>("overlap", "of the communication that hides behind work"),
    quantity<&Derate::layer>("layer", Q::time, {"0 s", "1 ms"}, "fixed time per layer"),
    quantity<&Derate::collective>("collective", Q::time, {"0 s", "1 ms"},
                                  "fixed time per collective"),
    quantity<&Derate::step_host>("step_host", Q::time, {"0 s", "100 ms"}, "of the host, per step"),
    fraction<&Derate::software>("software", "what software achieves of what the others allow"),
};

constexpr Range kDollars{"0 USD", "10e9 USD"};
constexpr std::array kCost{
    quantity<&Cost::wafer>("wafer", Q::money, {"100 USD", "1e6 USD"}, "processed"),
    quantity<&Cost::wafer_diameter>("wafer_diameter", Q::length, {"100 mm", "450 mm"}, ""),
    quantity<&Cost::wafer_edge>("wafer_edge", Q::length, {"0 mm", "20 mm"}, "that holds no dies"),
    quantity<&Cost::interposer>("interposer", Q::money_per_area, {"0 USD/mm2", "100 USD/mm2"}, ""),
    quantity<&Cost::package_fixed>("package_fixed", Q::money, kDollars, "beside the interposer"),
    quantity<&Cost::test>("test", Q::money, kDollars, "of one package"),
    quantity<&Cost::partner_margin>("partner_margin", Q::fraction, {"0", "0.95"},
                                    "gross margin of the ASIC partner"),
    quantity<&Cost::nre>("nre", Q::money, kDollars, "engineering and masks"),
    quantity<&Cost::units>("units", Q::number, {"1", "1e9"}, "that share the NRE"),
    fraction<&Cost::respin_probability>("respin_probability",
                                        "that the first silicon is not the last"),
    quantity<&Cost::respin>("respin", Q::money, kDollars, "of one respin"),
    quantity<&Cost::respin_time>("respin_time", Q::time, {"0 s", "5 years"}, "of one respin"),
    quantity<&Cost::system_per_chip>("system_per_chip", Q::money, kDollars,
                                     "board, tray, rack, network, host"),
    quantity<&Cost::life>("life", Q::time, {"1 month", "20 years"}, "over which it pays"),
    fraction<&Cost::wacc>("wacc", "cost of capital, per year"),
    quantity<&Cost::space>("space", Q::money_per_power, {"0 USD/kW/year", "20000 USD/kW/year"},
                           "building and cooling"),
    quantity<&Cost::electricity>("electricity", Q::money_per_energy, {"0 USD/kWh", "2 USD/kWh"},
                                 ""),
    fraction<&Cost::occupancy>("occupancy", "of the time at work"),
    quantity<&Cost::rent>("rent", Q::money_per_time, {"0.01 USD/h", "1000 USD/h"},
                          "of a bought chip"),
    quantity<&Cost::price>("price", Q::money, kDollars, "of a bought chip"),
    quantity<&Cost::cogs>("cogs", Q::money, kDollars, "what it costs its maker"),
};

constexpr std::array kSupply{
    row<&Supply::first_silicon>("first_silicon", Form::date, "samples"),
    row<&Supply::volume_start>("volume_start", Form::date, "first quarter of `ramp`"),
    row<&Supply::ramp>("ramp", Form::counts, "units in each quarter from volume start"),
    quantity<&Supply::slip>("slip", Q::time, {"0 s", "5 years"}, "of the whole schedule"),
};

constexpr std::array kSupplyLimit{
    quantity<&SupplyLimit::per_chip>("per_chip", Q::number, {"0", "1e6"},
                                     "of this part in one chip"),
};

constexpr Range kRate{"1 MOPS", "1000 POPS"};
constexpr std::array kPeak{
    quantity<&Peak::bf16>("bf16", Q::operations, kRate, "BF16 or FP16, dense"),
    quantity<&Peak::fp8>("fp8", Q::operations, kRate, "FP8, dense"),
    quantity<&Peak::fp4>("fp4", Q::operations, kRate, "FP4, dense"),
    quantity<&Peak::int8>("int8", Q::operations, kRate, "int8, dense"),
    count<&Peak::cores>("cores", {"1", "100000"},
                        "SMs or compute units that reach the rates together"),
    quantity<&Peak::clock>("clock", Q::frequency, kClockRange, "at which the rates are stated"),
};

constexpr std::array kExpect{
    count<&Expect::cores>("cores", {"1", "1000000"}, "enabled cores of all dies"),
    quantity<&Expect::macs_per_cycle>("macs_per_cycle", Q::number, {"1", "1e12"},
                                      "multiply-adds of all cores at rate 1"),
    quantity<&Expect::peak_int8>("peak_int8", Q::operations, kRate, "q8_0 weights and activations"),
    quantity<&Expect::peak_w4>("peak_w4", Q::operations, kRate, "q4_0 weights, q8_0 activations"),
    quantity<&Expect::memory_bandwidth>("memory_bandwidth", Q::bandwidth, {"10 MB/s", "100 PB/s"},
                                        "of the main memory"),
    quantity<&Expect::memory_capacity>("memory_capacity", Q::size, {"1 kB", "100 TB"},
                                       "of the main memory"),
    quantity<&Expect::scratch>("scratch", Q::size, {"1 KiB", "1 TiB"}, "of all cores"),
    quantity<&Expect::link_bandwidth>("link_bandwidth", Q::bandwidth, {"1 MB/s", "1 PB/s"},
                                      "scale-up, per direction"),
    quantity<&Expect::die_area>("die_area", Q::area, {"0.01 mm2", "50000 mm2"}, "of one die"),
    quantity<&Expect::tolerance>("tolerance", Q::fraction, {"0", "0.5"},
                                 "by which they may differ from what the description gives")
        .or_else("\"2 %\""),
};

// --- tables -------------------------------------------------------------------------------------

template <typename T, std::optional<T> Chip::* Member>
void* open_optional(Chip& chip, std::string_view) {
  return &(chip.*Member).emplace();
}

template <auto Member, auto Name>
void* open_element(Chip& chip, std::string_view id) {
  auto& element = (chip.*Member).emplace_back();
  element.*Name = std::string(id);
  return &element;
}

constexpr Need kRequired = Need::required;
constexpr Need kOptional = Need::optional;

constexpr std::array kSchema{
    Table{"", "", kRequired, kRequired, false,
          "The top of the file also holds `schema = 1` and, in a variant, `inherit = \"name\"`; "
          "[sources] names the "
          "sources, one text each.",
          kTop, [](Chip& chip, std::string_view) -> void* { return &chip; }},
    Table{"tech", "", kRequired, kOptional, false, "The process that the dies are made in.",
          kTechnology, open_optional<Technology, &Chip::technology>},
    Table{"package", "", kRequired, kOptional, false, "What holds the dies.", kPackage,
          open_optional<Package, &Chip::package>},
    Table{"die.*", "id", kRequired, kOptional, false,
          "A type of die: `width` and `height` where it is ours, `area` where it was published.",
          kDie, open_element<&Chip::dies, &Die::id>},
    Table{"die_instance.*", "id", kRequired, kOptional, false, "A die on the interposer.",
          kDieInstance, open_element<&Chip::die_instances, &DieInstance::id>},
    Table{"d2d.*", "id", kOptional, kOptional, false, "A connection of two dies.", kDieToDie,
          open_element<&Chip::d2d, &DieToDie::id>},
    Table{"clock", "", kRequired, kOptional, false, "Nominal clocks.", kClock,
          open_optional<Clock, &Chip::clock>},
    Table{"power", "", kRequired, kOptional, false, "What the package may take.", kPower,
          [](Chip& chip, std::string_view) -> void* { return &chip.power; }},
    Table{"power.dvfs.*", "name", kOptional, kOptional, false,
          "A pair of clock and voltage beside the nominal one of [clock] and [tech].", kPowerState,
          [](Chip& chip, std::string_view id) -> void* {
            auto& state = chip.power.states.emplace_back();
            state.name = std::string(id);
            return &state;
          }},
    Table{"core", "", kRequired, kOptional, false, "One core: queues, tokens, sequencer.", kCore,
          open_optional<Core, &Chip::core>},
    Table{"core.matrix", "", kRequired, kOptional, false, "The matrix engine.", kMatrix,
          [](Chip& chip, std::string_view) -> void* { return &chip.core->matrix; }},
    Table{"core.vector", "", kRequired, kOptional, false, "The vector engine.", kVector,
          [](Chip& chip, std::string_view) -> void* { return &chip.core->vector; }},
    Table{"core.scratch", "", kRequired, kOptional, false, "The memory that software manages.",
          kScratch, [](Chip& chip, std::string_view) -> void* { return &chip.core->scratch; }},
    Table{
        "core.scratch.shares", "", kOptional, kOptional, false,
        "How the scratch is meant to be shared out; a hint, the compiler decides.", kShares,
        [](Chip& chip, std::string_view) -> void* { return &chip.core->scratch.shares.emplace(); }},
    Table{"core.dma", "", kRequired, kOptional, false, "The engines that load and store.", kDma,
          [](Chip& chip, std::string_view) -> void* { return &chip.core->dma; }},
    Table{"format.*", "name", kRequired, kOptional, false,
          "A number format that the matrix engine takes. The order is that of preference.", kFormat,
          open_element<&Chip::formats, &Format::name>},
    Table{"noc", "", kRequired, kOptional, false, "The network between cores.", kNoc,
          open_optional<Noc, &Chip::noc>},
    Table{"memory.*", "id", kRequired, kRequired, false,
          "A tier of memory, nearest first. It states stacks and pins, or capacity and bandwidth.",
          kMemory, open_element<&Chip::memories, &Memory::id>},
    Table{"memory_timing.*", "", kOptional, kOptional, false, "Timing of the tier of that name.",
          kMemoryTiming, open_element<&Chip::memory_timings, &MemoryTiming::memory>},
    Table{"link.*", "id", kOptional, kOptional, false,
          "A connection to other chips or to the host. It states lanes, or a bandwidth.", kLink,
          open_element<&Chip::links, &Link::id>},
    Table{"collective", "", kOptional, kOptional, false, "Engines for collectives.", kCollective,
          open_optional<Collective, &Chip::collective>},
    Table{"system", "", kRequired, kOptional, false, "What surrounds the chip.", kSystem,
          open_optional<System, &Chip::system>},
    Table{"isa", "", kRequired, kOptional, false, "Options of the instruction set.", kIsa,
          open_optional<Isa, &Chip::isa>},
    Table{"rtl", "", kOptional, kOptional, false, "Options of the RTL generator.", kRtl,
          open_optional<Rtl, &Chip::rtl>},
    Table{"area", "", kRequired, kOptional, true, "Areas of blocks that no model derives.", kArea,
          open_optional<AreaCoefficients, &Chip::area>},
    Table{"energy", "", kRequired, kOptional, true, "Energies of actions, and what is always on.",
          kEnergy, open_optional<EnergyCoefficients, &Chip::energy>},
    Table{"yield", "", kRequired, kOptional, true, "Defects and repair.", kYield,
          open_optional<Yield, &Chip::yield>},
    Table{"bin.*", "name", kOptional, kOptional, false,
          "A grade that packages are sold or used as.", kBin,
          open_element<&Chip::bins, &Bin::name>},
    Table{"derate", "", kRequired, kRequired, false, "What is achieved of the peak, in named sets.",
          kDerateTop, [](Chip& chip, std::string_view) -> void* { return &chip; }},
    Table{"derate.*", "", kRequired, kRequired, true,
          "A set of achieved fractions and fixed times.", kDerate,
          open_element<&Chip::derates, &Derate::name>},
    Table{"cost", "", kOptional, kOptional, true, "Money.", kCost,
          open_optional<Cost, &Chip::cost>},
    Table{"supply", "", kOptional, kOptional, false, "When, and how many.", kSupply,
          open_optional<Supply, &Chip::supply>},
    Table{"supply.limit.*", "part", kOptional, kOptional, false, "A part that may be short.",
          kSupplyLimit,
          [](Chip& chip, std::string_view id) -> void* {
            auto& limit = chip.supply->limits.emplace_back();
            limit.part = std::string(id);
            return &limit;
          }},
    Table{"peak", "", kOptional, kRequired, false,
          "Dense rates as the maker states them (a bought chip).", kPeak,
          open_optional<Peak, &Chip::peak>},
    Table{"expect", "", kOptional, kOptional, false,
          "What the description amounts to. The loader computes the same and compares.", kExpect,
          open_optional<Expect, &Chip::expect>},
};

}  // namespace

const Row* Table::find(std::string_view key) const {
  const auto found = std::find_if(rows.begin(), rows.end(),
                                  [&](const Row& candidate) { return candidate.key == key; });
  return found == rows.end() ? nullptr : &*found;
}

std::span<const Table> schema() { return kSchema; }

Words basis_words() { return kBases; }

std::string_view name(Basis basis) { return kBases[static_cast<std::size_t>(basis)]; }

std::string_view name(Kind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

std::string form_name(const Row& row) {
  switch (row.form) {
    case Form::quantity:
      return fmt::format("{} {}", info(row.kind).article, info(row.kind).name);
    case Form::text:
      return "a text";
    case Form::word:
      return "a word";
    case Form::flag:
      return "true or false";
    case Form::date:
      return "a date";
    case Form::texts:
      return "a list of texts";
    case Form::words:
      return "a list of words";
    case Form::counts:
      return "a list of whole numbers";
  }
  return "";
}

}  // namespace churon::chip
