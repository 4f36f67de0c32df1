#include "estimate/collective.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace churon::estimate {

namespace {

Price finished(Price price) {
  const double work_s = std::max({price.link_s, price.across_s, price.vector_s});
  price.expected_s = std::max(price.bound_s, work_s + price.fixed_s);
  price.limit = price.fixed_s > work_s                             ? Limit::fixed
                : std::max(price.link_s, price.across_s) == work_s ? Limit::link
                                                                   : Limit::vector;
  return price;
}

// Parts of the vector that a rank sends where everybody has a share of it.
double share_sent(double ranks) { return (ranks - 1) / ranks; }

// --- inside a domain ----------------------------------------------------------------------------

Price own_inside(const Device& device, const CollectiveWork& work) {
  const Figures& f = device.figures;
  const chip::Derate& derate = f.derate;
  const bool sums = work.kind == CollectiveKind::all_reduce;
  Price price;
  price.fixed_s = f.collective_setup_s + derate.collective.value.value();
  if (work.ranks <= 1) {
    return price;
  }
  const double rate = f.link_bytes_per_s * derate.link.value * derate.software.value;
  price.link_bytes = work.bytes * share_sent(work.ranks) * (sums ? 2 : 1);
  // Every chip to every other at once; an all-reduce as one exchange of everything, as two of
  // parts, or summed by the switch on the way.
  const double one_shot = f.link_latency_s + work.bytes * (work.ranks - 1) / rate;
  const double parts = (sums ? 2 : 1) * f.link_latency_s + price.link_bytes / rate;
  price.link_s = sums ? std::min(one_shot, parts) : parts;
  if (sums && f.switch_reduce) {
    price.link_s = std::min(price.link_s, 2 * f.link_latency_s + work.bytes / rate);
  }
  if (f.collective_reduce_bytes_per_s > 0 &&
      (sums || work.kind == CollectiveKind::reduce_scatter)) {
    price.vector_s = work.bytes / f.collective_reduce_bytes_per_s;
  }
  return price;
}

// NCCL, or a framework's own kernel where it is faster.
Price bought_inside(const Device& device, const CollectiveWork& work) {
  const Figures& f = device.figures;
  const Efficiency::Collective& e = device.efficiency.collective;
  const bool sums = work.kind == CollectiveKind::all_reduce;
  const double steps = work.ranks - 1;
  const double slower = device.slower * (f.compute_dies > 1 ? e.dies : 1);
  const double start = work.kind == CollectiveKind::all_to_all
                           ? e.exchange
                           : e.fixed + e.hop * steps * (sums ? 2 : 1);
  Price price;
  price.fixed_s = start * slower;
  if (work.ranks <= 1) {
    return price;
  }
  const double rate = f.link_bytes_per_s * (f.switched ? e.link : e.bus);
  const double wire = work.bytes * share_sent(work.ranks) * (sums ? 2 : 1);
  price.link_bytes = wire;
  // A protocol for short messages, at part of the rate, and one for long ones.
  const double fill = f.switched ? e.fill / f.link_bytes_per_s : 0;
  const double copy = f.switched ? e.copy * work.bytes / f.link_bytes_per_s : 0;
  double transfer = wire / (rate * e.low_latency);
  if (const double long_s = e.simple + fill + wire / rate; long_s < transfer) {
    price.fixed_s += e.simple + fill;
    transfer = wire / rate;
  }
  price.link_s = transfer + copy;
  if (sums && work.framework_kernel && f.switched) {
    // Everybody reads everything, or parts are summed and gathered.
    const double kernel = (e.kernel_fixed + e.kernel_hop * steps) * slower;
    const double kernel_rate = f.link_bytes_per_s * e.kernel_link;
    const double one_shot = work.bytes * steps / kernel_rate;
    if (kernel + one_shot < price.fixed_s + price.link_s) {
      price.fixed_s = kernel;
      price.link_s = one_shot;
    }
    if (const double two = kernel * e.two_shot;
        two + wire / kernel_rate < price.fixed_s + price.link_s) {
      price.fixed_s = two;
      price.link_s = wire / kernel_rate;
    }
  }
  return price;
}

Price inside(const Device& device, const CollectiveWork& work) {
  const Figures& f = device.figures;
  Price price = f.own ? own_inside(device, work) : bought_inside(device, work);
  if (work.ranks > 1) {
    // In-switch sums: every byte up once and down once.
    const bool twice = work.kind == CollectiveKind::all_reduce && !f.switch_reduce;
    price.bound_s = work.bytes * share_sent(work.ranks) * (twice ? 2 : 1) / f.link_bytes_per_s;
  }
  return price;
}

// --- across domains -----------------------------------------------------------------------------

// The share of the adapter's rate that long messages reach.
double rate_across(const Device& device) {
  const Figures& f = device.figures;
  return f.scale_out_bytes_per_s *
         (f.own ? f.derate.link.value * f.derate.software.value : device.efficiency.network.link);
}

struct Crossing {
  double fixed_s = 0, transfer_s = 0;
  double bytes = 0;  // sent by a rank

  void offer(double latency_s, double bytes_sent, double rate) {
    if (latency_s + bytes_sent / rate < fixed_s + transfer_s || bytes == 0) {
      *this = {latency_s, bytes_sent / rate, bytes_sent};
    }
  }
};

// One message to a rank of another domain.
Crossing message(const Device& device, double bytes) {
  const Efficiency::Network& e = device.efficiency.network;
  const double rate = rate_across(device);
  Crossing best;
  best.offer(e.ring, bytes, rate * e.low_latency);
  best.offer(e.simple, bytes, rate);
  return best;
}

// `part` of the vector on each rank, summed, gathered or exchanged with its counterparts.
Crossing crossing(const Device& device, CollectiveKind kind, double part, double count) {
  const Efficiency::Network& e = device.efficiency.network;
  const double rate = rate_across(device);
  const bool sums = kind == CollectiveKind::all_reduce;
  const double wire = part * share_sent(count) * (sums ? 2 : 1);
  const double steps = kind == CollectiveKind::all_to_all ? 1 : (count - 1) * (sums ? 2 : 1);
  Crossing best;
  best.offer(steps * e.ring, wire, rate * e.low_latency);
  best.offer(steps * e.simple, wire, rate);
  if (sums) {
    // Up and down a tree; two trees share the work evenly.
    const double levels = 2 * std::ceil(std::log2(count));
    best.offer(levels * e.tree, 2 * part, rate * e.low_latency);
    best.offer(levels * e.simple, 2 * part, rate);
  }
  return best;
}

Price hierarchical(const Device& device, const CollectiveWork& work, double count) {
  const bool exchange = work.kind == CollectiveKind::all_to_all;
  CollectiveWork local = work;
  local.ranks = work.ranks / count;
  local.framework_kernel = false;  // those reach no further than a domain
  // Of an exchange only what stays inside; else the whole vector is summed or gathered there.
  local.bytes = exchange ? work.bytes / count : work.bytes;
  Price price = inside(device, local);
  const double part = exchange ? work.bytes : work.bytes / local.ranks;
  const Crossing out = crossing(device, work.kind, part, count);
  price.fixed_s += out.fixed_s;
  price.across_s = out.transfer_s;
  price.across_bytes = out.bytes;
  // What the others know has to come in over the adapters once, summed by switches at best.
  const double least = part * (work.kind == CollectiveKind::all_reduce ? 1 : share_sent(count));
  price.bound_s = std::max(price.bound_s, least / device.figures.scale_out_bytes_per_s);
  return price;
}

}  // namespace

double joined_chips(const Figures& figures) {
  return figures.link_bytes_per_s > 0 ? std::max(1.0, figures.domain_chips) : 1;
}

bool reaches(const Figures& figures, double ranks) {
  return ranks <= joined_chips(figures) || figures.scale_out_bytes_per_s > 0;
}

double domains(const Figures& figures, double ranks, double together) {
  const double most = joined_chips(figures);
  if (ranks <= most) {
    return 1;
  }
  for (double count = std::ceil(ranks / most); count < ranks; ++count) {
    const double local = ranks / count;
    if (local == std::floor(local) && (together > most || std::fmod(local, together) == 0)) {
      return count;
    }
  }
  return ranks;
}

Price collective(const Device& device, const CollectiveWork& work) {
  if (work.ranks <= 1 || work.bytes <= 0) {
    return {};
  }
  const double count = domains(device.figures, work.ranks, work.together);
  return finished(count > 1 ? hierarchical(device, work, count) : inside(device, work));
}

double seconds_across(const Device& device, double bytes) {
  if (device.figures.scale_out_bytes_per_s <= 0) {
    return std::numeric_limits<double>::infinity();
  }
  const Crossing out = message(device, bytes);
  return out.fixed_s + out.transfer_s;
}

Price send(const Device& device, const SendWork& work) {
  if (!work.across) {
    // As a gather of two ranks, each of which has half.
    return collective(device,
                      {.kind = CollectiveKind::all_gather, .ranks = 2, .bytes = 2 * work.bytes});
  }
  Price price = inside(device, {.kind = CollectiveKind::all_gather, .ranks = 1});
  const Crossing out = message(device, work.bytes);
  price.fixed_s += out.fixed_s;
  price.across_s = out.transfer_s;
  price.across_bytes = out.bytes;
  // Ranks that hold the same could send a part each.
  price.bound_s = work.bytes / work.ranks / device.figures.scale_out_bytes_per_s;
  return finished(price);
}

}  // namespace churon::estimate
