// Packaging, memory, wafers: shared by all options, reserved ahead, from one or more vendors.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/model_builder.h"

namespace churon::plan {

void ModelBuilder::reservations(int r) {
  const Resource& resource = s_.resources[index(r)];
  m_.reserve.emplace_back();
  for (std::size_t v = 0; v < resource.sources.size(); ++v) {
    const Source& source = resource.sources[v];
    const std::string key = fmt::format("{}.{}", resource.name, source.vendor);
    m_.reserve.back().emplace_back();
    for (int q = 0; q < s_.quarters; ++q) {
      ByNode reserve = no_nodes();
      for (const int n : t_.of_quarter(signing(resource, p_, q))) {
        const VariableId made = variable(named("reserve." + key, q, n), 0, kInfinity);
        reserve[index(n)] = made;
        if (std::isfinite(source.cap[index(q)])) {
          Linear amount;
          amount.add(made, 1);
          const RowId row_made =
              row(named("cap." + key, q, n), -kInfinity, amount, source.cap[index(q)] / chips_);
          m_.caps.push_back({row_made, "cap." + key,
                             fmt::format("{} of {}", resource.name, source.vendor), resource.unit,
                             q, n, chips_, source.place, source.cap[index(q)] / chips_});
        }
      }
      m_.reserve.back().back().push_back(std::move(reserve));
    }
  }
}

void ModelBuilder::source_share(int r, int v, int n, const Linear& drawn, const Linear& all) {
  const Resource& resource = s_.resources[index(r)];
  const std::string& vendor = resource.sources[index(v)].vendor;
  Linear over = drawn, allowed;
  allowed.add(all, resource.share_max);
  over.add(allowed, -1);
  Cap& made = cap(fmt::format("source_share.{}.{}", resource.name, vendor),
                  fmt::format("share of {} in {}", vendor, resource.name), resource.unit, chips_, n,
                  over, 0, resource.share_place);
  made.size_terms = allowed.terms;
  for (const Source& source : resource.sources) {
    made.size_most += resource.share_max * source.cap[index(node(n).quarter)] / chips_;
  }
  made.size_most = std::isfinite(made.size_most) ? made.size_most : 0;
}

// Every option's use is drawn from sources that it may use; what is drawn is reserved.
void ModelBuilder::resource_use(int r, int q, int n) {
  const Resource& resource = s_.resources[index(r)];
  std::vector<Linear> drawn(resource.sources.size());
  for (int o = 0; o < s_.option_count(); ++o) {
    for (const Use& use : option(o).uses) {
      const int d = q + use.ahead;
      if (use.resource != r || d >= s_.quarters) {
        continue;
      }
      Linear needed;
      needed.add(taken_chips(o, d, n), use.amount / chips_);
      if (needed.terms.empty()) {
        continue;
      }
      if (use.sources.size() == 1) {
        drawn[index(use.sources[0])].add(needed, 1);
        continue;
      }
      for (const int v : use.sources) {
        const VariableId draw =
            variable(named(fmt::format("draw.{}.{}.{}", option(o).name, resource.name,
                                       resource.sources[index(v)].vendor),
                           q, n),
                     0, kInfinity);
        drawn[index(v)].add(draw, 1);
        needed.add(draw, -1);
      }
      row(named(fmt::format("drawn.{}.{}", option(o).name, resource.name), q, n), 0, needed, 0);
    }
  }
  Linear all;
  for (const Linear& one : drawn) {
    all.add(one, 1);
  }
  for (std::size_t v = 0; v < drawn.size(); ++v) {
    const std::string key = fmt::format("{}.{}", resource.name, resource.sources[v].vendor);
    if (drawn[v].terms.empty()) {
      continue;
    }
    if (resource.share_max < 1) {
      source_share(r, static_cast<int>(v), n, drawn[v], all);
    }
    Linear beyond = drawn[v];
    const int at = t_.ancestor(n, signing(resource, p_, q));
    beyond.add(m_.reserve[index(r)][v][index(q)][index(at)], -1);
    row(named("reserved." + key, q, n), -kInfinity, beyond, 0);
  }
}

void ModelBuilder::resources() {
  for (int r = 0; r < static_cast<int>(s_.resources.size()); ++r) {
    reservations(r);
    for (int q = 0; q < s_.quarters; ++q) {
      for (const int n : t_.of_quarter(q)) {
        resource_use(r, q, n);
      }
    }
  }
}

}  // namespace churon::plan
