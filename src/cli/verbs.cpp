#include "cli/verbs.h"

#include <array>

namespace churon::cli {

// Each is defined in the file of its name.
Action configure_bench(CLI::App& app);
Action configure_check(CLI::App& app);
Action configure_chips(CLI::App& app);
Action configure_compare(CLI::App& app);
Action configure_completion(CLI::App& app);
Action configure_cost(CLI::App& app);
Action configure_estimate(CLI::App& app);
Action configure_models(CLI::App& app);
Action configure_perplexity(CLI::App& app);
Action configure_plan(CLI::App& app);
Action configure_quantize(CLI::App& app);
Action configure_run(CLI::App& app);
Action configure_silicon(CLI::App& app);
Action configure_tokenize(CLI::App& app);
Action configure_validate(CLI::App& app);
Action configure_version(CLI::App& app);

std::span<const Verb> verbs() {
  static constexpr std::array verbs_in_order{
      Verb{"Run a model on a chip", "run",
           "real tokens from a real model, and what they take on the chip",
           "churon run smollm2 -p \"What is a systolic array?\"\n"
           "churon run smollm2 --chat\n"
           "churon run smollm2 -p \"Hello\" --chip churon-0 --compare b200,mi300x\n"
           "churon run model.gguf -f prompt.txt -n 200 --temp 0.8 --seed 7\n"
           "churon run smollm2 -p \"Hello\" --sim-batch 64 --set memory.hbm.stacks=6\n"
           "cat notes.txt | churon run smollm2 --raw --json",
           configure_run},
      Verb{"Run a model on a chip", "perplexity",
           "how well a model predicts a text in the chip's arithmetic",
           "churon perplexity smollm2 text.txt\n"
           "churon perplexity smollm2 text.txt --arith f32\n"
           "churon perplexity model.gguf text.txt -c 512 --kv mxint8 --json",
           configure_perplexity},
      Verb{"Run a model on a chip", "bench", "how fast this machine computes a model",
           "churon bench smollm2\n"
           "churon bench smollm2 -p 512 -n 128 -t 1 -r 5 --json",
           configure_bench},
      Verb{"Models", "models", "the models known by name: list them, bring them, find them",
           "churon models\n"
           "churon models pull smollm2\n"
           "churon models pull gemma3-270m --yes\n"
           "churon models pull hf:org/repo/model-q4_0.gguf --size-max 5GB\n"
           "churon models path smollm2\n"
           "churon models show smollm2 --tensors",
           configure_models},
      Verb{"Models", "tokenize", "text to token ids, as the model's tokenizer cuts it",
           "churon tokenize smollm2 \"Hello, world\"\n"
           "churon tokenize smollm2 -f prompt.txt --special --json\n"
           "churon tokenize model.gguf --jsonl texts.jsonl > ids.jsonl",
           configure_tokenize},
      Verb{"Models", "quantize", "a GGUF file with its matrices in another tensor type",
           "churon quantize smollm2 smollm2-q8_0.gguf Q8_0\n"
           "churon quantize model.gguf small.gguf Q4_K --output-type Q6_K",
           configure_quantize},
      Verb{"Chips", "chips", "the chips known by name: our own and those one can buy",
           "churon chips\n"
           "churon chips --json",
           configure_chips},
      Verb{"Chips", "check", "a chip description against closed formulas, and all its values",
           "churon check churon-1\n"
           "churon check my-chip.toml\n"
           "churon check churon-1 --set memory.hbm.stacks=6\n"
           "churon check h200 --resolved",
           configure_check},
      Verb{"Chips", "validate", "the model of time and power held against measured rows",
           "churon validate measured/*.csv\n"
           "churon validate measured/ --by chip --test\n"
           "churon validate my-table.csv --strict --csv > rows.csv\n"
           "churon validate measured/ --fit --data data",
           configure_validate},
      Verb{"Chips", "estimate", "a model served by a chip, or one operator, in closed form",
           "churon estimate --chip h200 --model llama-3.1-70b --tp 4 --batch 64 --input 1024 "
           "--output 1024\n"
           "churon estimate --chip b200 --model deepseek-v3 --attn-dp 8 --ep 8 --batch 256 "
           "--explain tpot\n"
           "churon estimate --chip mi300x --model qwen3-32b --tp 2 --sweep batch=1..512\n"
           "churon estimate --chip churon-1 --derate target --model config.json --roofline --svg "
           "roof.svg\n"
           "churon estimate --chip h100 --op gemm --m 64 --n 8192 --k 8192 --format fp8\n"
           "churon estimate --chip h100 --op attention --batch 32 --context 4096 --kv fp8\n"
           "churon estimate --chip h100 --op allreduce --bytes 1048576 --ranks 8\n"
           "churon estimate --chip h100 --op moe --tokens 256 --experts 128 --per-token 8 --ep 8",
           configure_estimate},
      Verb{"Chips", "compare", "chips side by side, each at its best configuration within limits",
           "churon compare --models llama-3.1-70b --chips h200,b200,mi300x,churon-1\n"
           "churon compare --models llama-3.1-70b,deepseek-v3 --workload 1k/1k,8k/1k,1k/8k "
           "--slo-tpot 20ms --slo-ttft 2s --chips all\n"
           "churon compare --models gpt-oss-120b --formats native --svg fronts.svg\n"
           "churon compare --models llama-3.1-70b --workload 8k/1k --chips b200,churon-1 --explain "
           "churon-1:neutral.advantage",
           configure_compare},
      Verb{"Chips", "silicon", "area and power of a chip of our own by block, and its floorplan",
           "churon silicon churon-1\n"
           "churon silicon churon-1 --svg churon-1.svg\n"
           "churon silicon churon-1 --node n5 --set core.scratch.size=\"2 MiB\" --json",
           configure_silicon},
      Verb{"Chips", "cost", "what a chip costs: dies, package, memory, programme, hours",
           "churon cost churon-1\n"
           "churon cost b200 --hbm-basis bom --scenario hbm+20%\n"
           "churon cost churon-1 --explain cogs --set memory.hbm.price_per_stack=\"700 USD\"\n"
           "churon cost --vectors harvest dies.csv > yields.csv",
           configure_cost},
      Verb{"Chips", "plan", "how many of which chip to buy when",
           "churon plan examples/startup.toml\n"
           "churon plan examples/openai-2026.toml --svg plan.svg\n"
           "churon plan examples/startup.toml --explain cost_per_mtok\n"
           "churon plan examples/startup.toml --mps-out startup.mps --solver cbc\n"
           "churon plan --mps program.mps --gap 0.001 --json",
           configure_plan},
      Verb{"About churon", "completion", "a script that completes verbs and options in a shell",
           "source <(churon completion bash)\n"
           "churon completion zsh > ~/.zfunc/_churon\n"
           "churon completion fish > ~/.config/fish/completions/churon.fish",
           configure_completion},
      Verb{"About churon", "version", "the tool's version", "churon version", configure_version},
  };
  return verbs_in_order;
}

}  // namespace churon::cli
