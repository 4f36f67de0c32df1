// A whole model one token at a time, one number after another, from the plain reference of
// numeric/reference.h: written from docs/arithmetic.md and the hyperparameters alone, without
// graph, packing or kernels. What the executors compute is compared with it bit by bit.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "numeric/block_format.h"
#include "numeric/float16.h"
#include "numeric/fp_environment.h"
#include "numeric/kv_cache.h"
#include "numeric/reference.h"
#include "numeric/rope_table.h"

namespace churon::test {

struct ScalarFormats {
  std::vector<numeric::BlockFormat> native = {
      numeric::BlockFormat::q8_0, numeric::BlockFormat::q8_m,   numeric::BlockFormat::q4_0,
      numeric::BlockFormat::q4_1, numeric::BlockFormat::mxint8, numeric::BlockFormat::mxfp4};
  numeric::ActivationFormat activation = numeric::ActivationFormat::q8_0;
  numeric::KvFormat kv = numeric::KvFormat::q8_0;
};

class ScalarModel {
 public:
  ScalarModel(const model::Model& model, ScalarFormats formats)
      : model_(model), h_(model.hyperparameters), formats_(std::move(formats)) {
    const auto layers = static_cast<std::size_t>(h_.layers);
    caches_.resize(layers * static_cast<std::size_t>(h_.kv_heads));
    ropes_ = {table(h_.rope.base, h_.rope.factor), table(h_.rope.local_base, h_.rope.local_factor)};
  }

  // The logits behind one more token.
  std::vector<float> next(std::int32_t id) {
    numeric::ScopedFpEnvironment environment;
    for (auto& rope : ropes_) {
      rope.extend(position_ + 1);
    }
    std::vector<float> x = embedding(id);
    for (std::int64_t layer = 0; layer < h_.layers; ++layer) {
      std::vector<float> branch = attention(layer, norm(x, Role::attention_norm, layer));
      if (h_.has_post_norms) {
        branch = norm(branch, Role::attention_post_norm, layer);
      }
      numeric::add(x.data(), branch.data(), x.size());
      branch = feed_forward(layer, norm(x, Role::feed_forward_norm, layer));
      if (h_.has_post_norms) {
        branch = norm(branch, Role::feed_forward_post_norm, layer);
      }
      numeric::add(x.data(), branch.data(), x.size());
    }
    std::vector<float> logits = product(norm(x, Role::output_norm, 0), Role::output, 0);
    if (h_.logit_softcap != 0) {
      numeric::softcap(logits.data(), logits.size(), h_.logit_softcap);
    }
    ++position_;
    return logits;
  }

 private:
  using Role = model::TensorRole;
  struct Matrix {
    std::vector<numeric::WeightBlock> blocks;
    std::size_t rows = 0;
    std::size_t blocks_per_row = 0;
    bool has_minimum = false;
  };
  // Of one key/value head: blocks, or FP32 values.
  struct Cache {
    std::vector<numeric::ActivationBlock> keys, values;
    std::vector<float> plain_keys, plain_values;
  };

  const model::Model& model_;
  const model::Hyperparameters& h_;
  ScalarFormats formats_;
  std::vector<Cache> caches_;
  std::vector<numeric::RopeTable> ropes_;
  std::size_t position_ = 0;
  std::vector<std::pair<std::pair<Role, std::int64_t>, Matrix>> matrices_;

  template <typename T>
  static T get(Result<T> result) {
    if (!result) {
      throw std::runtime_error(to_text(result.error()));
    }
    return std::move(*result);
  }

  numeric::RopeTable table(double base, double factor) const {
    numeric::RopeParameters parameters{static_cast<int>(h_.rope.dims), base, factor, {}};
    if (h_.rope.has_frequency_factors) {
      parameters.frequency_factors = get(model_.read_vector(Role::rope_frequencies));
    }
    return numeric::RopeTable(parameters);
  }

  std::vector<std::byte> bytes(const model::TensorInfo& tensor) const {
    std::vector<std::byte> result(tensor.bytes);
    if (auto read = model_.file.read_tensor(tensor, result); !read) {
      throw std::runtime_error(to_text(read.error()));
    }
    return result;
  }

  std::vector<float> embedding(std::int32_t id) const {
    const model::TensorInfo& tensor = model_.tensor(Role::token_embedding);
    std::vector<float> x(tensor.columns());
    numeric::dequantize(tensor.type,
                        bytes(tensor).data() + static_cast<std::size_t>(id) * tensor.row_bytes(),
                        x.size(), x.data());
    if (h_.embedding_scale != 1) {
      for (float& value : x) {
        value = value * h_.embedding_scale;
      }
    }
    return x;
  }

  const Matrix& matrix(Role role, std::int64_t layer) {
    for (const auto& [key, found] : matrices_) {
      if (key == std::pair(role, layer)) {
        return found;
      }
    }
    const model::TensorInfo& tensor = model_.tensor(role, layer);
    const auto target = numeric::transcode_target(tensor.type, formats_.native);
    Matrix made;
    made.rows = tensor.rows();
    made.blocks_per_row = (tensor.columns() + numeric::kBlock - 1) / numeric::kBlock;
    made.has_minimum = numeric::info(target->format).has_minimum;
    made.blocks.resize(made.rows * made.blocks_per_row);
    const auto data = bytes(tensor);
    for (std::size_t row = 0; row < made.rows; ++row) {
      const auto done = numeric::weight_blocks(
          target->format, tensor.type, data.data() + row * tensor.row_bytes(), tensor.columns(),
          made.blocks.data() + row * made.blocks_per_row);
      if (!done) {
        throw std::runtime_error(numeric::to_text(done.error()));
      }
    }
    return matrices_.emplace_back(std::pair(role, layer), std::move(made)).second;
  }

  std::vector<float> product(const std::vector<float>& x, Role role, std::int64_t layer) {
    const Matrix& weights = matrix(role, layer);
    std::vector<numeric::ActivationBlock> blocks(weights.blocks_per_row);
    finite(numeric::quantize_row(formats_.activation, x.data(), x.size(), blocks.data()));
    std::vector<float> y(weights.rows);
    numeric::matmul(weights.blocks.data(), weights.rows, blocks.data(), 1, weights.blocks_per_row,
                    weights.has_minimum, y.data());
    return y;
  }

  std::vector<float> norm(const std::vector<float>& x, Role role, std::int64_t layer) const {
    const auto weight = get(model_.read_vector(role, layer));
    std::vector<float> y(x.size());
    numeric::rms_norm(x.data(), weight.data(), x.size(), static_cast<float>(h_.rms_epsilon),
                      y.data());
    return y;
  }

  void bias(std::vector<float>& x, Role role, std::int64_t layer) const {
    const auto values = get(model_.read_vector(role, layer));
    numeric::add(x.data(), values.data(), x.size());
  }

  static void finite(bool flag) {
    if (!flag) {
      throw std::runtime_error("a number is not finite");
    }
  }

  // QK-norm and rotation of all heads.
  void prepare(std::vector<float>& heads, std::optional<Role> norm_role, std::int64_t layer) const {
    const auto dim = static_cast<std::size_t>(h_.key_dim);
    const auto& rope = ropes_[h_.layer_has_window[static_cast<std::size_t>(layer)] ? 1 : 0];
    const auto pairing = h_.rope.pairing == model::RopePairing::norm
                             ? numeric::RopePairing::adjacent
                             : numeric::RopePairing::halves;
    for (std::size_t begin = 0; begin < heads.size(); begin += dim) {
      if (norm_role) {
        const auto weight = get(model_.read_vector(*norm_role, layer));
        const std::vector<float> head(heads.begin() + static_cast<std::ptrdiff_t>(begin),
                                      heads.begin() + static_cast<std::ptrdiff_t>(begin + dim));
        numeric::rms_norm(head.data(), weight.data(), dim, static_cast<float>(h_.rms_epsilon),
                          heads.data() + begin);
      }
      numeric::rope(heads.data() + begin, static_cast<int>(h_.rope.dims), pairing,
                    rope.cosine(position_), rope.sine(position_));
    }
  }

  // Without the bias of the pairs that turn by at most pi / 3 within the trained context.
  void centre(std::vector<float>& keys, std::int64_t layer) const {
    const auto bias = get(model_.read_vector(Role::key_bias, layer));
    const bool local = h_.layer_has_window[static_cast<std::size_t>(layer)];
    const auto factors = h_.rope.has_frequency_factors
                             ? get(model_.read_vector(Role::rope_frequencies))
                             : std::vector<float>(static_cast<std::size_t>(h_.rope.dims / 2), 1);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto element = static_cast<std::int64_t>(i) % h_.key_dim;
      double angle = 0;
      if (element < h_.rope.dims) {
        const std::int64_t pair = h_.rope.pairing == model::RopePairing::norm
                                      ? element / 2
                                      : element % (h_.rope.dims / 2);
        angle = static_cast<double>(h_.context - 1) /
                (local ? h_.rope.local_factor : h_.rope.factor) *
                std::pow(local ? h_.rope.local_base : h_.rope.base,
                         -2.0 * static_cast<double>(pair) / static_cast<double>(h_.rope.dims)) /
                factors[static_cast<std::size_t>(pair)];
      }
      if (angle <= std::acos(0.5)) {
        keys[i] = keys[i] - bias[i];
      }
    }
  }

  [[nodiscard]] bool quantized() const {
    return formats_.kv == numeric::KvFormat::q8_0 || formats_.kv == numeric::KvFormat::mxint8;
  }
  [[nodiscard]] numeric::ActivationFormat kv_blocks() const {
    return formats_.kv == numeric::KvFormat::mxint8 ? numeric::ActivationFormat::mxint8
                                                    : numeric::ActivationFormat::q8_0;
  }
  [[nodiscard]] std::size_t head_blocks() const {
    return (static_cast<std::size_t>(h_.key_dim) + numeric::kBlock - 1) / numeric::kBlock;
  }

  void append(std::vector<numeric::ActivationBlock>& rows, const float* head) const {
    rows.resize(rows.size() + head_blocks());
    finite(numeric::quantize_row(kv_blocks(), head, static_cast<std::size_t>(h_.key_dim),
                                 rows.data() + rows.size() - head_blocks()));
  }
  void append(std::vector<float>& rows, const float* head) const {
    for (std::int64_t i = 0; i < h_.key_dim; ++i) {
      rows.push_back(formats_.kv == numeric::KvFormat::bf16
                         ? numeric::f32_from_bf16(numeric::bf16_from_f32(head[i]))
                         : head[i]);
    }
  }

  std::vector<float> attention(std::int64_t layer, const std::vector<float>& x) {
    std::vector<float> q = product(x, Role::query, layer);
    std::vector<float> k = product(x, Role::key, layer);
    std::vector<float> v = product(x, Role::value, layer);
    if (h_.has_qkv_bias) {
      bias(q, Role::query_bias, layer);
      bias(k, Role::key_bias, layer);
      bias(v, Role::value_bias, layer);
    }
    prepare(q, h_.qk_norm != model::QkNorm::none ? std::optional(Role::query_norm) : std::nullopt,
            layer);
    prepare(k, h_.qk_norm != model::QkNorm::none ? std::optional(Role::key_norm) : std::nullopt,
            layer);

    if (h_.has_qkv_bias && h_.qk_norm == model::QkNorm::none && h_.attention_softcap == 0) {
      centre(k, layer);
    }

    const auto dim = static_cast<std::size_t>(h_.key_dim);
    const auto kv_heads = static_cast<std::size_t>(h_.kv_heads);
    const std::size_t group = static_cast<std::size_t>(h_.heads) / kv_heads;
    const bool local = h_.layer_has_window[static_cast<std::size_t>(layer)];
    const numeric::AttentionShape shape{static_cast<int>(h_.key_dim), h_.attention_scale,
                                        h_.attention_softcap,
                                        local ? static_cast<int>(h_.window) : 0};
    std::vector<float> out(q.size());
    for (std::size_t head = 0; head < static_cast<std::size_t>(h_.heads); ++head) {
      const std::size_t kv_head = head / group;
      Cache& cache = caches_[static_cast<std::size_t>(layer) * kv_heads + kv_head];
      if (head % group == 0) {
        if (quantized()) {
          append(cache.keys, k.data() + kv_head * dim);
          append(cache.values, v.data() + kv_head * dim);
        } else {
          append(cache.plain_keys, k.data() + kv_head * dim);
          append(cache.plain_values, v.data() + kv_head * dim);
        }
      }
      if (quantized()) {
        std::vector<numeric::ActivationBlock> query(head_blocks());
        finite(numeric::quantize_row(kv_blocks(), q.data() + head * dim, dim, query.data()));
        finite(numeric::attention(shape, query.data(), position_, cache.keys.data(),
                                  cache.values.data(), out.data() + head * dim));
      } else {
        finite(numeric::attention_f32(shape, q.data() + head * dim, position_,
                                      cache.plain_keys.data(), cache.plain_values.data(),
                                      out.data() + head * dim));
      }
    }
    std::vector<float> y = product(out, Role::attention_output, layer);
    if (h_.has_attention_output_bias) {
      bias(y, Role::attention_output_bias, layer);
    }
    return y;
  }

  std::vector<float> feed_forward(std::int64_t layer, const std::vector<float>& x) {
    const std::vector<float> gate = product(x, Role::gate, layer);
    const std::vector<float> up = product(x, Role::up, layer);
    std::vector<float> activated(gate.size());
    const auto activation =
        h_.activation == model::Activation::silu ? numeric::silu_mul : numeric::gelu_mul;
    activation(gate.data(), up.data(), gate.size(), activated.data());
    return product(activated, Role::down, layer);
  }
};

}  // namespace churon::test
