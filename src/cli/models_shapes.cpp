// `churon models shapes`: the models that are known by shape, and what their graphs add up to.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/json.h"
#include "base/text.h"
#include "cli/verb.h"
#include "graph/graph.h"
#include "model/shapes.h"
#include "report/format.h"

namespace churon::cli {

namespace {

// A shape and the counts that its graph gives.
struct Counted {
  model::Hyperparameters shape;
  std::int64_t parameters = 0;
  std::int64_t active = 0;
  std::int64_t kv_bytes = 0;  // of a token, at 16 bits
};

Counted counted(model::Hyperparameters shape) {
  const graph::Graph graph = graph::graph(shape, graph::decode_step(1, 0));
  return {std::move(shape), graph::parameter_count(graph), graph::active_parameter_count(graph),
          2 * graph::cached_per_token(graph)};
}

std::string attention_text(const model::Hyperparameters& h) {
  if (h.is_latent()) {
    return fmt::format("MLA {}, latent {} + {}", h.heads, h.latent.kv_lora, h.latent.rope);
  }
  return fmt::format("{} {}/{} of {}", model::attention_kind(h), h.heads, h.kv_heads, h.key_dim);
}

std::string feed_forward_text(const model::Hyperparameters& h) {
  std::string dense = h.d_ff == 0 ? "" : fmt::format("{}", h.d_ff);
  if (h.mixture_layers() == 0) {
    return dense;
  }
  const std::string experts = fmt::format(
      "{}/{}{} of {}", h.experts.per_token, h.experts.count,
      h.experts.shared == 0 ? "" : fmt::format(" + {}", h.experts.shared), h.experts.d_ff);
  return dense.empty() ? experts : fmt::format("{}; {}", experts, dense);
}

std::string billions(std::int64_t count) {
  return report::number(static_cast<double>(count) / 1e9) + "B";
}

Json shape_json(const Counted& counted) {
  const model::Hyperparameters& h = counted.shape;
  Json json{
      {"name", h.name},
      {"canonical_name", h.canonical_name},
      {"layers", h.layers},
      {"embedding", h.d_model},
      {"attention", model::attention_kind(h)},
      {"heads", h.heads},
      {"kv_heads", h.kv_heads},
      {"key_dim", h.key_dim},
      {"value_dim", h.value_dim},
      {"feed_forward", h.d_ff},
      {"expert_layers", h.mixture_layers()},
      {"experts", h.experts.count},
      {"experts_per_token", h.experts.per_token},
      {"shared_experts", h.experts.shared},
      {"expert_feed_forward", h.experts.d_ff},
      {"window", h.window},
      {"windowed_layers", std::count(h.layer_has_window.begin(), h.layer_has_window.end(), true)},
      {"vocabulary", h.vocab},
      {"context", h.context},
      {"tied", h.tied},
      {"native_weights", h.native_weights},
      {"parameters", counted.parameters},
      {"active_parameters", counted.active},
      {"kv_bytes_per_token", counted.kv_bytes},
  };
  return json;
}

std::string shapes_text(const std::vector<Counted>& shapes) {
  using report::Align;
  report::Table table({Align::left, Align::right, Align::right, Align::left, Align::left,
                       Align::right, Align::right, Align::right, Align::right});
  table.row({"name", "layers", "width", "attention", "feed-forward", "parameters", "active",
             "KV/token", "context"});
  for (const Counted& counted : shapes) {
    const model::Hyperparameters& h = counted.shape;
    table.row({escape_control(h.name), std::to_string(h.layers), std::to_string(h.d_model),
               attention_text(h), feed_forward_text(h), billions(counted.parameters),
               billions(counted.active), report::text(Bytes(static_cast<double>(counted.kv_bytes))),
               std::to_string(h.context)});
  }
  return table.text();
}

ExitCode show_shapes(const Terminal& terminal, const std::string& name) {
  const auto shapes = model::load_shapes();
  if (!shapes) {
    return terminal.report(shapes.error());
  }
  std::vector<Counted> shown;
  if (name.empty()) {
    for (const model::Shape& row : shapes->rows) {
      shown.push_back(counted(row.hyperparameters));
    }
  } else {
    auto one = model::shape(*shapes, name);
    if (!one) {
      return terminal.report(one.error());
    }
    shown.push_back(counted(std::move(*one)));
  }
  if (terminal.json) {
    Json document = json_document("models.shapes");
    document["shapes"] = Json::array();
    for (const Counted& counted : shown) {
      document["shapes"].push_back(shape_json(counted));
    }
    terminal.out(dump_json(document) + "\n");
    return ExitCode::ok;
  }
  terminal.out(shapes_text(shown));
  if (name.empty()) {
    terminal.note(
        "\nHub ids, aliases and tails as in -Instruct-FP8 name the same models; a config.json of "
        "the\nHugging Face hub and a GGUF file work by their path. KV/token is at 16 bits.");
  }
  return ExitCode::ok;
}

}  // namespace

Action configure_models_shapes(CLI::App& app) {
  auto name = std::make_shared<std::string>();
  app.add_option("MODEL", *name, "one of them, a config.json, or a GGUF file; default all")
      ->type_name("MODEL");
  return [name](const Terminal& terminal) { return show_shapes(terminal, *name); };
}

}  // namespace churon::cli
