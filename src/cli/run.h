// `churon run`: real tokens from a real model on a described chip.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/run_setup.h"
#include "cli/verb.h"
#include "exec/sampler.h"
#include "report/format.h"

namespace churon::cli {

struct RunFlags {
  SetupOptions setup;
  std::optional<std::string> prompt;
  std::string prompt_file;
  std::string system_prompt;
  bool chat = false;
  bool raw = false;
  bool parse_special = false;
  bool ignore_eos = false;
  std::int64_t count = -1;
  exec::SamplerOptions sampler;
  std::vector<std::string> stops;
  std::size_t log_probabilities = 0;
  std::string compare;
  std::string dump;
};

// The conversation of --chat. The setup is loaded.
ExitCode chat(const RunFlags& flags, const Setup& setup, const Terminal& terminal);

// What the user's locale can show.
report::Charset charset();

// Prints the diagnostics, or that the run was interrupted.
ExitCode failed(const Terminal& terminal, const Diagnostics& diagnostics);

}  // namespace churon::cli
