#include "cli/verbs.h"

#include <array>

namespace churon::cli {

// Each is defined in the file of its name.
Action configure_completion(CLI::App& app);
Action configure_models(CLI::App& app);
Action configure_run(CLI::App& app);
Action configure_tokenize(CLI::App& app);
Action configure_version(CLI::App& app);

std::span<const Verb> verbs() {
  static constexpr std::array kVerbs{
      Verb{"Run a model on a chip", "run",
           "real tokens from a real model, and what they take on the chip",
           "churon run smollm2 -p \"What is a systolic array?\"\n"
           "churon run smollm2 --chat\n"
           "churon run smollm2 -p \"Hello\" --chip churon-0 --compare b200,mi300x\n"
           "churon run model.gguf -f prompt.txt -n 200 --temp 0.8 --seed 7\n"
           "churon run smollm2 -p \"Hello\" --sim-batch 64 --set memory.hbm.stacks=6\n"
           "cat notes.txt | churon run smollm2 --raw --json",
           configure_run},
      Verb{"Models", "models", "the models known by name: list them, bring them, find them",
           "churon models\n"
           "churon models pull smollm2\n"
           "churon models pull gemma3-270m --yes\n"
           "churon models pull hf:org/repo/model-q4_0.gguf --size-max 5GB\n"
           "churon models path smollm2",
           configure_models},
      Verb{"Models", "tokenize", "text to token ids, as the model's tokenizer cuts it",
           "churon tokenize smollm2 \"Hello, world\"\n"
           "churon tokenize smollm2 -f prompt.txt --special --json\n"
           "churon tokenize model.gguf --jsonl texts.jsonl > ids.jsonl",
           configure_tokenize},
      Verb{"About churon", "completion", "a script that completes verbs and options in a shell",
           "source <(churon completion bash)\n"
           "churon completion zsh > ~/.zfunc/_churon\n"
           "churon completion fish > ~/.config/fish/completions/churon.fish",
           configure_completion},
      Verb{"About churon", "version", "the tool's version", "churon version", configure_version},
  };
  return kVerbs;
}

}  // namespace churon::cli
