#include "exec/exact_kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace churon::exec {

namespace {

void rms_norm(const float* x, const float* weight, std::size_t n, float epsilon, float* y) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    sum += static_cast<double>(x[i]) * x[i];
  }
  const double r = 1 / std::sqrt(sum / static_cast<double>(n) + epsilon);
  for (std::size_t i = 0; i < n; ++i) {
    y[i] = static_cast<float>(x[i] * r * weight[i]);
  }
}

void silu_mul(const float* gate, const float* up, std::size_t n, float* y) {
  for (std::size_t i = 0; i < n; ++i) {
    const double x = gate[i];
    y[i] = static_cast<float>(x / (1 + std::exp(-x)) * up[i]);
  }
}

void gelu_mul(const float* gate, const float* up, std::size_t n, float* y) {
  const double scale = std::sqrt(2 / 3.14159265358979323846);
  for (std::size_t i = 0; i < n; ++i) {
    const double x = gate[i];
    const double inner = scale * (x + 0.044715 * x * x * x);
    y[i] = static_cast<float>(0.5 * x * (1 + std::tanh(inner)) * up[i]);
  }
}

double capped(double x, float cap) { return cap == 0 ? x : cap * std::tanh(x / cap); }

void softcap(float* x, std::size_t n, float cap) {
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = static_cast<float>(capped(x[i], cap));
  }
}

float dot(const float* a, const float* b, std::size_t n) {
  std::array<float, 16> partial{};
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    for (std::size_t lane = 0; lane < 16; ++lane) {
      partial[lane] += a[i + lane] * b[i + lane];
    }
  }
  double sum = 0;
  for (; i < n; ++i) {
    sum += static_cast<double>(a[i]) * b[i];
  }
  for (const float value : partial) {
    sum += value;
  }
  return static_cast<float>(sum);
}

void attend(const numeric::AttentionCall& call, const float* query, std::size_t position,
            const float* keys, const float* values, std::vector<float>& weights, float* out) {
  const auto head_dim = static_cast<std::size_t>(call.shape.head_dim);
  const auto window = static_cast<std::size_t>(call.shape.window);
  const std::size_t first = window > 0 && position + 1 > window ? position + 1 - window : 0;
  weights.resize(position + 1);
  float largest = -INFINITY;
  for (std::size_t j = first; j <= position; ++j) {
    weights[j] = static_cast<float>(
        capped(static_cast<double>(dot(query, keys + j * head_dim, head_dim)) * call.shape.scale,
               call.shape.softcap));
    largest = std::max(largest, weights[j]);
  }
  double sum = 0;
  for (std::size_t j = first; j <= position; ++j) {
    weights[j] = std::exp(weights[j] - largest);
    sum += weights[j];
  }
  std::fill_n(out, head_dim, 0.0F);
  for (std::size_t j = first; j <= position; ++j) {
    for (std::size_t i = 0; i < head_dim; ++i) {
      out[i] += weights[j] * values[j * head_dim + i];
    }
  }
  for (std::size_t i = 0; i < head_dim; ++i) {
    out[i] = static_cast<float>(out[i] / sum);
  }
}

bool attention(const numeric::AttentionCall& call, std::size_t kv_head, std::size_t token_begin,
               std::size_t token_end) {
  static thread_local std::vector<float> weights;
  const float* keys = call.cache->key_rows(call.layer, kv_head);
  const float* values = call.cache->value_rows(call.layer, kv_head);
  for (std::size_t token = token_begin; token < token_end; ++token) {
    for (std::size_t g = 0; g < call.group; ++g) {
      const std::size_t head =
          (kv_head * call.group + g) * static_cast<std::size_t>(call.shape.head_dim);
      attend(call, call.queries + token * call.query_stride + head, call.first_position + token,
             keys, values, weights, call.out + token * call.out_stride + head);
    }
  }
  return true;
}

}  // namespace

numeric::Kernels exact_kernels(const numeric::Kernels& fast) {
  numeric::Kernels kernels = fast;
  kernels.rms_norm = rms_norm;
  kernels.silu_mul = silu_mul;
  kernels.gelu_mul = gelu_mul;
  kernels.softcap = softcap;
  kernels.attention = attention;
  return kernels;
}

}  // namespace churon::exec
