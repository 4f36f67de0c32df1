// Attention of many tokens at once (prefill): a vector holds one number of 16 query rows, the same
// head of 16 tokens in a row. Maxima, sums and the tree of rule 6 run down the positions of a tile,
// so nothing is ever summed across lanes; keys and values are the operands that are broadcast.
// The bits are those of the kernels for few rows in kernels_impl.h.
//
// An `Isa` that takes part has `kRowsInLanes` and, beside what kernels_impl.h lists,
//   dot_bytes(sum, u, p)    sum += four products a lane of unsigned u and the signed bytes at p
//   dot_words(sum, v, p)    sum += two products a lane of int16 v and the int16 at p
//   store_i                 16 int32
//   widen_bytes             32 int8 to 32 int16
//   flip_signs              the sign bit of every byte flipped
//   between(low, high, x, a, b)   a in lanes where low <= x <= high, else b
//   ceil_f, transpose       16 vectors of 16 lanes
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "numeric/kernels.h"

namespace churon::numeric {

// Memory of the calling thread that is kept for the next call, on a cache line's border.
std::byte* attention_scratch(std::size_t bytes);

template <typename Isa, typename Functions>
struct RowsInLanes {
  using F = typename Isa::F;
  using I = typename Isa::I;

  static constexpr std::size_t kLanes = 16;
  // Fewer tokens than these are faster in the kernels for few rows.
  static constexpr std::size_t kTokensMin = 8;
  // Groups of 16 tokens that use one conversion of a tile.
  static constexpr std::size_t kGroups = 2;
  static constexpr float kNone = -std::numeric_limits<float>::infinity();

  // A tile of keys and values in the form that is broadcast, shared by all rows.
  struct Tile {
    std::int32_t* keys;         // [4 parts of 16 positions][block][8 lines][16]: four signed bytes
    std::int32_t* key_offsets;  // [block][64]: -128 * sum of the key's block
    float* key_scales;          // [block][64]
    std::int32_t* values;       // [16 dimensions a group][32 pairs of tokens][16]: two int16
    const float* value_scales;  // [block][64], in the cache
  };

  // The state of 16 query rows.
  struct Rows {
    I* query;         // [block][8 lines]: four bytes + 128 a lane
    F* query_scales;  // [block]
    F* o;             // [dimension], of the span
    F* total_o;       // of the spans before
    F m, l, total_m, total_l;
    std::size_t position;  // of the first row; the last one repeats where there are fewer
    std::size_t count;
    std::size_t first_token;
    std::size_t head;
  };

  // What a tile needs between its steps.
  struct Work {
    F* p;  // [64], first the scores
    F* u;  // [64]
    I* q;  // [16]
    F* t;  // [32]
  };

  static bool run(const AttentionCall& call, std::size_t kv_head, std::size_t token_begin,
                  std::size_t token_end) {
    const std::size_t blocks = call.cache->blocks();
    const std::size_t dims = blocks * kBlock;
    const std::size_t row_vectors = blocks * 9 + 2 * dims;
    const std::size_t rows_max = kGroups * call.group;
    const std::size_t tile_vectors = blocks * (4 * 8 + 2 * 4 + 2 * 32);
    const std::size_t bytes = (tile_vectors + 176 + rows_max * row_vectors) * 64 +
                              rows_max * ((sizeof(Rows) + 63) / 64 * 64);
    std::byte* memory = attention_scratch(bytes);
    const auto take = [&memory](std::size_t count) {
      std::byte* taken = memory;
      memory += count;
      return taken;
    };
    Tile tile{};
    tile.keys = reinterpret_cast<std::int32_t*>(take(blocks * 32 * 64));
    tile.key_offsets = reinterpret_cast<std::int32_t*>(take(blocks * 4 * 64));
    tile.key_scales = reinterpret_cast<float*>(take(blocks * 4 * 64));
    tile.values = reinterpret_cast<std::int32_t*>(take(blocks * 64 * 64));
    const Work work{reinterpret_cast<F*>(take(64 * 64)), reinterpret_cast<F*>(take(64 * 64)),
                    reinterpret_cast<I*>(take(16 * 64)), reinterpret_cast<F*>(take(32 * 64))};
    auto* rows = reinterpret_cast<Rows*>(take(rows_max * ((sizeof(Rows) + 63) / 64 * 64)));
    for (std::size_t i = 0; i < rows_max; ++i) {
      rows[i].query = reinterpret_cast<I*>(take(blocks * 8 * 64));
      rows[i].query_scales = reinterpret_cast<F*>(take(blocks * 64));
      rows[i].o = reinterpret_cast<F*>(take(dims * 64));
      rows[i].total_o = reinterpret_cast<F*>(take(dims * 64));
    }

    bool finite = true;
    for (std::size_t token = token_begin; token < token_end; token += kGroups * kLanes) {
      std::size_t used = 0;
      std::size_t last = 0;
      for (std::size_t first = token; first < token_end && first < token + kGroups * kLanes;
           first += kLanes) {
        for (std::size_t g = 0; g < call.group; ++g) {
          Rows& r = rows[used++];
          r.first_token = first;
          r.count = token_end - first < kLanes ? token_end - first : kLanes;
          r.head = kv_head * call.group + g;
          r.position = call.first_position + first;
          last = r.position + r.count - 1;
          finite = begin(call, blocks, r) && finite;
        }
      }
      const std::size_t first = first_visible(call, rows[0].position);
      const std::size_t first_span = first / kAttentionSpan * kAttentionSpan;
      for (std::size_t span = first_span; span <= last; span += kAttentionSpan) {
        for (std::size_t i = 0; i < used; ++i) {
          begin_span(dims, rows[i]);
        }
        std::size_t at = span < first ? first / kAttentionTile * kAttentionTile : span;
        for (; at <= last && at < span + kAttentionSpan; at += kAttentionTile) {
          convert(call, kv_head, at, blocks, tile);
          for (std::size_t i = 0; i < used; ++i) {
            attend_tile(call, at, blocks, tile, work, rows[i]);
          }
        }
        for (std::size_t i = 0; i < used; ++i) {
          end_span(dims, span == first_span, rows[i]);
        }
      }
      for (std::size_t i = 0; i < used; ++i) {
        finish(call, dims, rows[i]);
      }
    }
    return finite;
  }

  // The first position that the query at `position` sees.
  static std::size_t first_visible(const AttentionCall& call, std::size_t position) {
    const auto window = static_cast<std::size_t>(call.shape.window);
    return window > 0 && position + 1 > window ? position + 1 - window : 0;
  }

  // Quantises the queries and puts them into lanes.
  static bool begin(const AttentionCall& call, std::size_t blocks, Rows& r) {
    const auto head_dim = static_cast<std::size_t>(call.shape.head_dim);
    auto* lines = reinterpret_cast<std::uint32_t*>(r.query);
    auto* scales = reinterpret_cast<float*>(r.query_scales);
    bool finite = true;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::size_t token = r.first_token + (lane < r.count ? lane : r.count - 1);
      const float* query = call.queries + token * call.query_stride + r.head * head_dim;
      for (std::size_t b = 0; b < blocks; ++b) {
        std::uint32_t words[8];
        const std::size_t left = head_dim - b * kBlock;
        const auto made = Functions::quantize_block(call.cache->block_format(), query + b * kBlock,
                                                    left < kBlock ? static_cast<int>(left) : kBlock,
                                                    reinterpret_cast<std::int8_t*>(words));
        for (std::size_t j = 0; j < 8; ++j) {
          lines[(b * 8 + j) * kLanes + lane] = words[j] ^ 0x80808080U;
        }
        scales[b * kLanes + lane] = made.scale;
        finite = made.finite && finite;
      }
    }
    return finite;
  }

  static void begin_span(std::size_t dims, Rows& r) {
    r.m = Isa::set(kNone);
    r.l = Isa::set(0.0F);
    for (std::size_t i = 0; i < dims; ++i) {
      r.o[i] = Isa::set(0.0F);
    }
  }

  // Keys with their sign, their sums, and values as int16.
  static void convert(const AttentionCall& call, std::size_t kv_head, std::size_t position,
                      std::size_t blocks, Tile& tile) {
    const std::byte* keys = call.cache->keys(call.layer, kv_head, position / kAttentionTile);
    const std::byte* values = call.cache->values(call.layer, kv_head, position / kAttentionTile);
    static constexpr std::uint32_t kMinusOnes = 0xFFFFFFFFU;
    for (std::size_t part = 0; part < 4; ++part) {
      for (std::size_t b = 0; b < blocks; ++b, keys += 576) {
        Isa::store(tile.key_scales + b * kAttentionTile + part * kLanes,
                   Isa::load(reinterpret_cast<const float*>(keys)));
        // The stored bytes are key + 128: sum(stored) * -1 + 32 * 128 = -sum(key).
        I negative_sum = Isa::set_int(kBlock * 128);
        for (std::size_t j = 0; j < 8; ++j) {
          const I line = Isa::load_i(keys + 64 + 64 * j);
          negative_sum =
              Isa::dot_bytes(negative_sum, line, reinterpret_cast<const std::byte*>(&kMinusOnes));
          Isa::store_i(tile.keys + ((part * blocks + b) * 8 + j) * kLanes, Isa::flip_signs(line));
        }
        Isa::store_i(tile.key_offsets + b * kAttentionTile + part * kLanes,
                     Isa::template shift_left<7>(negative_sum));
      }
    }
    tile.value_scales = reinterpret_cast<const float*>(values);
    const std::byte* pairs = values + blocks * kAttentionTile * sizeof(float);
    for (std::size_t i = 0; i < blocks * 64; ++i) {
      Isa::store_i(tile.values + i * kLanes, Isa::widen_bytes(pairs + 32 * i));
    }
  }

  static void attend_tile(const AttentionCall& call, std::size_t position, std::size_t blocks,
                          const Tile& tile, const Work& work, Rows& r) {
    const std::size_t last = r.position + r.count - 1;
    if (position > last) {
      return;
    }
    // Positions of the tile that some row sees, and whether all rows see all of them.
    const std::size_t first = first_visible(call, r.position);
    if (position + kAttentionTile <= first) {
      return;
    }
    const std::size_t begin = first > position ? (first - position) / 8 * 8 : 0;
    const std::size_t end = last - position < kAttentionTile - 1
                                ? (last - position + 8) / 8 * 8
                                : static_cast<std::size_t>(kAttentionTile);
    const bool whole =
        r.position >= position + kAttentionTile - 1 && first_visible(call, last) <= position;

    F largest = Isa::set(kNone);
    for (std::size_t j = begin; j < end; j += 8) {
      scores(call.shape, blocks, tile, j, work.p, r);
      for (std::size_t i = j; i < j + 8; ++i) {
        largest =
            Isa::max_f(largest, whole ? work.p[i]
                                      : visible(call, r, position + i, work.p[i], Isa::set(kNone)));
      }
    }
    const F m = Isa::max_f(r.m, Isa::ceil_f(largest));
    const F a = rescale(r.m, m);
    r.m = m;
    const F zero = Isa::set(0.0F);
    for (std::size_t j = 0; j < kAttentionTile; ++j) {
      if (j < begin || j >= end) {
        work.p[j] = zero;
        continue;
      }
      const F p = Functions::exp2(Isa::sub(work.p[j], m));
      work.p[j] = whole ? p : visible(call, r, position + j, p, zero);
    }
    r.l = Isa::add(Isa::mul(r.l, a), tree(work.p));

    for (std::size_t b = 0; b < blocks; ++b) {
      weighted(tile, b, begin<kBlock, end> kBlock, a, work, r);
    }
  }

  // 2^(old - now); zero where there was no maximum yet.
  static F rescale(F old, F now) {
    return Isa::ge_select(old, Isa::set(-std::numeric_limits<float>::max()),
                          Functions::exp2(Isa::sub(old, now)), Isa::set(0.0F));
  }

  // `a` in the lanes whose row sees `position`, else `b`.
  static F visible(const AttentionCall& call, const Rows& r, std::size_t position, F a, F b) {
    // Row i stands at r.position + i, or at the last row's position.
    const auto x = static_cast<std::int32_t>(static_cast<std::int64_t>(position) -
                                             static_cast<std::int64_t>(r.position));
    const int last_row = static_cast<int>(r.count) - 1;
    const I row = Isa::min_i(Isa::lane_numbers(), Isa::set_int(last_row));
    const std::int32_t window =
        call.shape.window > 0 ? call.shape.window : std::numeric_limits<std::int32_t>::max() / 2;
    return Isa::between(Isa::sub_i(row, Isa::set_int(window - 1)), row, Isa::set_int(x), a, b);
  }

  // Scores of positions j .. j + 7 of the tile.
  static void scores(const AttentionShape& shape, std::size_t blocks, const Tile& tile,
                     std::size_t j, F* z, const Rows& r) {
    F acc[8];
#pragma GCC unroll 8
    for (auto& sum : acc) {
      sum = Isa::set(0.0F);
    }
    for (std::size_t b = 0; b < blocks; ++b) {
      I query[8];
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) {
        query[i] = r.query[b * 8 + static_cast<std::size_t>(i)];
      }
      const F query_scale = r.query_scales[b];
      const std::int32_t* keys = tile.keys + (j / kLanes * blocks + b) * 8 * kLanes + j % kLanes;
      const std::int32_t* offsets = tile.key_offsets + b * kAttentionTile + j;
      const float* scales = tile.key_scales + b * kAttentionTile + j;
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) {
        I sum = Isa::set_int(offsets[i]);
#pragma GCC unroll 8
        for (int line = 0; line < 8; ++line) {
          sum = Isa::dot_bytes(sum, query[line],
                               reinterpret_cast<const std::byte*>(keys + line * 16 + i));
        }
        const F s = Isa::mul(query_scale, Isa::set(scales[i]));
        acc[i] = Isa::add(acc[i], Isa::mul(Isa::to_float(sum), s));
      }
    }
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 8; ++i) {
      z[j + i] = Functions::to_score(acc[i], shape);
    }
  }

  // The tree of rule 6 over 64 numbers.
  static F tree(const F* p) {
    F sum[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      sum[i] = Isa::add(Isa::add(p[i], p[i + 32]), Isa::add(p[i + 16], p[i + 48]));
    }
#pragma GCC unroll 4
    for (int half = 8; half > 0; half /= 2) {
#pragma GCC unroll 8
      for (int i = 0; i < half; ++i) {
        sum[i] = Isa::add(sum[i], sum[i + half]);
      }
    }
    return sum[0];
  }

  // o = o * a + P * V for the 32 dimensions of block b. Halves of the tile without a visible
  // position add +0.
  static void weighted(const Tile& tile, std::size_t b, bool low, bool high, F a, const Work& work,
                       Rows& r) {
    F* o = r.o + b * kBlock;
    const std::int32_t* values = tile.values + b * 64 * kLanes;
    for (std::size_t half = low ? 0 : 1; half < (high ? 2U : 1U); ++half) {
      const F d = probabilities(work.p + half * kBlock,
                                tile.value_scales + b * kAttentionTile + half * kBlock, work);
      const bool first = half == 0 || !low;
      const bool last = half == 1 || !high;
      for (std::size_t dimension = 0; dimension < kBlock; dimension += 4) {
        const std::int32_t* pairs =
            values + dimension / 16 * 32 * kLanes + half * 16 * kLanes + dimension % 16;
        I sum[4];
#pragma GCC unroll 4
        for (auto& x : sum) {
          x = Isa::set_int(0);
        }
#pragma GCC unroll 16
        for (int pair = 0; pair < 16; ++pair) {
          const I q = work.q[pair];
#pragma GCC unroll 4
          for (int i = 0; i < 4; ++i) {
            sum[i] = Isa::dot_words(sum[i], q,
                                    reinterpret_cast<const std::int16_t*>(pairs + pair * 16 + i));
          }
        }
#pragma GCC unroll 4
        for (std::size_t i = 0; i < 4; ++i) {
          F t = Isa::mul(Isa::to_float(sum[i]), d);
          if (!first) {
            t = Isa::add(work.t[dimension + i], t);
          }
          if (last) {
            o[dimension + i] = Isa::add(Isa::mul(o[dimension + i], a), t);
          } else {
            work.t[dimension + i] = t;
          }
        }
      }
    }
  }

  // 32 products p * scale(v) of each row as int16, in pairs; returns their scale.
  static F probabilities(const F* p, const float* value_scales, const Work& work) {
    F largest = Isa::set(0.0F);
#pragma GCC unroll 4
    for (int i = 0; i < kBlock; ++i) {
      const F u = Isa::mul(p[i], Isa::set(value_scales[i]));
      work.u[i] = u;
      largest = Isa::max_f(largest, u);
    }
    // Exponents carry the bias of 127.
    const I exponent =
        Isa::max_i(Isa::template shift_right<23>(Isa::bits(largest)), Isa::set_int(127 - 100));
    const F inverse = Isa::value(
        Isa::template shift_left<23>(Isa::sub_i(Isa::set_int(127 + 127 + 14), exponent)));
    const F limit = Isa::set(32767.0F);
#pragma GCC unroll 4
    for (int pair = 0; pair < 16; ++pair) {
      const I even = Isa::to_int(Isa::min_f(Isa::mul(work.u[2 * pair], inverse), limit));
      const I odd = Isa::to_int(Isa::min_f(Isa::mul(work.u[2 * pair + 1], inverse), limit));
      work.q[pair] = Isa::bit_or(even, Isa::template shift_left<16>(odd));
    }
    return Isa::value(Isa::template shift_left<23>(Isa::sub_i(exponent, Isa::set_int(14))));
  }

  static void end_span(std::size_t dims, bool first, Rows& r) {
    if (first) {
      r.total_m = r.m;
      r.total_l = r.l;
      F* o = r.o;
      r.o = r.total_o;
      r.total_o = o;
      return;
    }
    const F m = Isa::max_f(r.total_m, r.m);
    const F a = rescale(r.total_m, m);
    const F b = rescale(r.m, m);
    r.total_l = Isa::add(Isa::mul(r.total_l, a), Isa::mul(r.l, b));
    for (std::size_t i = 0; i < dims; ++i) {
      r.total_o[i] = Isa::add(Isa::mul(r.total_o[i], a), Isa::mul(r.o[i], b));
    }
    r.total_m = m;
  }

  static void finish(const AttentionCall& call, std::size_t dims, Rows& r) {
    const auto head_dim = static_cast<std::size_t>(call.shape.head_dim);
    const F inverse = Functions::rcp(r.total_l);
    float* out = call.out + r.first_token * call.out_stride + r.head * head_dim;
    for (std::size_t i = 0; i < dims && i < head_dim; i += kLanes) {
      F x[kLanes];
#pragma GCC unroll 16
      for (std::size_t j = 0; j < kLanes; ++j) {
        x[j] = Isa::mul(r.total_o[i + j], inverse);
      }
      Isa::transpose(x);
      const std::size_t left = head_dim - i;
      for (std::size_t row = 0; row < r.count; ++row) {
        Functions::store(out + row * call.out_stride + i, x[row],
                         left < kLanes ? static_cast<int>(left) : static_cast<int>(kLanes));
      }
    }
  }
};

}  // namespace churon::numeric
