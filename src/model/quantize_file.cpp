#include "model/quantize_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "model/findings.h"
#include "numeric/thread_pool.h"

namespace churon::model {

namespace {

using numeric::TensorType;

constexpr std::string_view kFileTypeKey = "general.file_type";
constexpr std::string_view kQuantizationVersionKey = "general.quantization_version";
constexpr std::uint32_t kQuantizationVersion = 2;

// Elements that one thread converts at a time, and that are in memory at a time: multiples of every
// block. Error sums are formed per piece and added in order, so they do not depend on the threads.
constexpr std::uint64_t kPieceElements = std::uint64_t{1} << 15;
constexpr std::uint64_t kChunkElements = kPieceElements * 64;

// `general.file_type` of a file that is mostly of one type (llama.cpp, enum llama_ftype).
std::uint32_t file_type(TensorType type) {
  switch (type) {
    case TensorType::f32:
      return 0;
    case TensorType::f16:
      return 1;
    case TensorType::q4_0:
      return 2;
    case TensorType::q4_1:
      return 3;
    case TensorType::q8_0:
      return 7;
    case TensorType::q5_0:
      return 8;
    case TensorType::q5_1:
      return 9;
    case TensorType::q4_k:
      return 14;
    case TensorType::q5_k:
      return 16;
    case TensorType::q6_k:
      return 18;
    case TensorType::bf16:
      return 32;
    case TensorType::mxfp4:
      return 38;
  }
  return 0;
}

// What stands in for a type whose blocks do not divide the rows: blocks of 32 with a bit more, else
// no blocks. The same as llama.cpp's.
TensorType narrower_blocks(TensorType type) {
  switch (type) {
    case TensorType::q4_k:
      return TensorType::q5_0;
    case TensorType::q5_k:
      return TensorType::q5_1;
    case TensorType::q6_k:
      return TensorType::q8_0;
    case TensorType::q8_0:
    case TensorType::q4_0:
    case TensorType::q4_1:
    case TensorType::q5_0:
    case TensorType::q5_1:
    case TensorType::mxfp4:
    case TensorType::f32:
    case TensorType::f16:
    case TensorType::bf16:
      return TensorType::f16;
  }
  return TensorType::f16;
}

bool divides(TensorType type, std::uint64_t columns) {
  return columns % static_cast<std::uint64_t>(numeric::info(type).block_elements) == 0;
}

TensorType usable_type(TensorType wanted, std::uint64_t columns) {
  while (!divides(wanted, columns)) {
    wanted = narrower_blocks(wanted);
  }
  return wanted;
}

// Matrices are converted; vectors, norms and what is no weight stay as they are.
bool is_converted(const TensorInfo& tensor) {
  const std::string_view name = tensor.name;
  return tensor.rank >= 2 && name.ends_with("weight") && !name.ends_with("_norm.weight");
}

TensorType wanted_type(const TensorInfo& tensor, const QuantizeOptions& options) {
  const bool is_output = tensor.name == "token_embd.weight" || tensor.name == "output.weight";
  return is_output ? options.output_type.value_or(options.type) : options.type;
}

std::uint64_t padded(std::uint64_t size, std::uint64_t alignment) {
  return (size + alignment - 1) / alignment * alignment;
}

// ---- The output file ----

// A file beside the target that takes the target's name when all is well, and else disappears.
class NewFile {
 public:
  explicit NewFile(std::string path)
      : path_(std::move(path)), temporary_(fmt::format("{}.tmp.{}", path_, ::getpid())) {}
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (file_.descriptor() >= 0) {
      ::unlink(temporary_.c_str());
    }
  }

  Result<void> create() {
    file_ = File(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    return file_.descriptor() < 0 ? system_error("create", temporary_) : Result<void>();
  }
  Result<void> write_at(std::uint64_t offset, const void* data, std::size_t size) {
    std::size_t done = 0;
    while (done < size) {
      const ssize_t put = ::pwrite(file_.descriptor(), static_cast<const char*>(data) + done,
                                   size - done, static_cast<off_t>(offset + done));
      if (put < 0 && errno == EINTR) {
        continue;
      }
      if (put < 0) {
        return system_error("write", temporary_);
      }
      done += static_cast<std::size_t>(put);
    }
    return {};
  }
  // `size` is that of the whole file: padding behind the last tensor is a hole.
  Result<void> finish(std::uint64_t size) {
    if (::ftruncate(file_.descriptor(), static_cast<off_t>(size)) != 0 ||
        ::fsync(file_.descriptor()) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
      return system_error("write", path_);
    }
    file_ = File();
    return {};
  }

 private:
  static Result<void> system_error(std::string_view action, const std::string& path) {
    return fail("B0001", fmt::format("cannot {} `{}`: {}", action, path, std::strerror(errno)));
  }

  std::string path_;
  std::string temporary_;
  File file_;
};

bool is_same_file(const File& open, const std::string& path) {
  struct stat a{};
  struct stat b{};
  return ::fstat(open.descriptor(), &a) == 0 && ::stat(path.c_str(), &b) == 0 &&
         a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// ---- The header ----

template <typename T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
void append(std::string& out, std::string_view text) {
  append<std::uint64_t>(out, text.size());
  out += text;
}
void append_uint32(std::string& out, std::string_view key, std::uint32_t value) {
  append(out, key);
  append(out, static_cast<std::uint32_t>(MetadataType::uint32));
  append(out, value);
}
void append_entry(std::string& out, const MetadataEntry& entry) {
  append(out, entry.key);
  append(out, static_cast<std::uint32_t>(entry.type));
  if (entry.type == MetadataType::array) {
    append(out, static_cast<std::uint32_t>(entry.element_type));
    append(out, entry.count);
  } else if (entry.type == MetadataType::string) {
    append<std::uint64_t>(out, entry.bytes.size());
  }
  out.append(reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size());
}

// Both keys say how the file was quantised; they are replaced where they stand, or added.
std::string metadata_bytes(const Metadata& metadata, TensorType type, std::uint64_t& count) {
  const std::array<std::pair<std::string_view, std::uint32_t>, 2> replaced{
      {{kFileTypeKey, file_type(type)}, {kQuantizationVersionKey, kQuantizationVersion}}};
  std::string out;
  count = metadata.entries().size();
  for (const MetadataEntry& entry : metadata.entries()) {
    const auto* found = std::find_if(replaced.begin(), replaced.end(),
                                     [&](const auto& each) { return each.first == entry.key; });
    if (found != replaced.end()) {
      append_uint32(out, found->first, found->second);
    } else {
      append_entry(out, entry);
    }
  }
  for (const auto& [key, value] : replaced) {
    if (!metadata.contains(key)) {
      append_uint32(out, key, value);
      ++count;
    }
  }
  return out;
}

std::string header_bytes(const GgufFile& input, const std::vector<TensorInfo>& tensors,
                         TensorType type) {
  std::uint64_t entry_count = 0;
  const std::string metadata = metadata_bytes(input.metadata, type, entry_count);
  std::string out = "GGUF";
  append<std::uint32_t>(out, 3);
  append<std::uint64_t>(out, tensors.size());
  append(out, entry_count);
  out += metadata;
  for (const TensorInfo& tensor : tensors) {
    append(out, std::string_view(tensor.name));
    append(out, static_cast<std::uint32_t>(tensor.rank));
    for (int i = 0; i < tensor.rank; ++i) {
      append(out, tensor.dims[static_cast<std::size_t>(i)]);
    }
    append(out, numeric::info(tensor.type).ggml_id);
    append(out, tensor.offset);
  }
  return out;
}

// The tensors of the new file; offsets count from the start of the tensor data.
std::vector<TensorInfo> planned_tensors(const GgufFile& input, const QuantizeOptions& options,
                                        std::vector<TypeFallback>& fallbacks) {
  std::vector<TensorInfo> tensors = input.tensors;
  std::uint64_t next = 0;
  for (TensorInfo& tensor : tensors) {
    if (is_converted(tensor)) {
      const TensorType wanted = wanted_type(tensor, options);
      tensor.type = usable_type(wanted, tensor.columns());
      if (tensor.type != wanted) {
        fallbacks.push_back({tensor.name, tensor.columns(), wanted, tensor.type});
      }
    }
    tensor.bytes = numeric::bytes_of(tensor.type, tensor.elements());
    tensor.offset = next;
    next = padded(next + tensor.bytes, input.alignment);
  }
  return tensors;
}

// ---- The data ----

struct PieceError {
  double signal = 0;
  double noise = 0;
  bool finite = true;
};

// Converts one piece and measures what that cost. `values` and `changed` are room for its elements.
PieceError convert_piece(TensorType from, const std::byte* in, TensorType to, std::byte* out,
                         std::size_t elements, float* values, float* changed) {
  numeric::dequantize(from, in, elements, values);
  if (!std::all_of(values, values + elements, [](float value) { return std::isfinite(value); })) {
    return {.finite = false};
  }
  numeric::quantize(to, values, elements, out);
  numeric::dequantize(to, out, elements, changed);
  PieceError error;
  for (std::size_t i = 0; i < elements; ++i) {
    const double difference = static_cast<double>(changed[i]) - values[i];
    error.signal += static_cast<double>(values[i]) * values[i];
    error.noise += difference * difference;
  }
  return error;
}

class Converter {
 public:
  Converter(const GgufFile& input, NewFile& output, const QuantizeOptions& options)
      : input_(input), output_(output), options_(options), pool_(options.threads) {
    values_.resize(static_cast<std::size_t>(pool_.threads()) * 2 * kPieceElements);
    for (const TensorInfo& tensor : input.tensors) {
      bytes_total_ += tensor.bytes;
    }
  }

  // `to.offset` is counted from the start of the file here.
  Result<void> convert(const TensorInfo& from, const TensorInfo& to, TypeChange& change) {
    for (std::uint64_t done = 0; done < from.elements(); done += kChunkElements) {
      if (options_.interrupted && options_.interrupted()) {
        return fail({.code = "M0502",
                     .message = "interrupted; the output file was not written",
                     .exit = ExitCode::interrupted});
      }
      const std::uint64_t elements = std::min(kChunkElements, from.elements() - done);
      if (auto converted = convert_chunk(from, to, done, elements, change); !converted) {
        return converted;
      }
    }
    change.tensors += 1;
    change.bytes_before += from.bytes;
    change.bytes_after += to.bytes;
    return {};
  }

 private:
  Result<void> convert_chunk(const TensorInfo& from, const TensorInfo& to, std::uint64_t begin,
                             std::uint64_t elements, TypeChange& change) {
    in_.resize(numeric::bytes_of(from.type, elements));
    if (auto got = input_.read_part(from, numeric::bytes_of(from.type, begin), in_); !got) {
      return got;
    }
    report_progress(from);
    const std::vector<std::byte>* out = &in_;
    if (from.type != to.type) {
      out_.resize(numeric::bytes_of(to.type, elements));
      if (!convert_pieces(from.type, to.type, elements, change)) {
        return in_file(
            {{.code = "M0408",
              .message = fmt::format("tensor `{}` holds a value that is not finite", from.name),
              .help = {"the file is damaged, or the model was trained or converted wrongly"}}},
            input_.path);
      }
      out = &out_;
    }
    return output_.write_at(to.offset + numeric::bytes_of(to.type, begin), out->data(),
                            out->size());
  }

  // False where a value is not finite.
  bool convert_pieces(TensorType from, TensorType to, std::uint64_t elements, TypeChange& change) {
    errors_.assign((elements + kPieceElements - 1) / kPieceElements, {});
    pool_.run([&](int thread) {
      float* values = values_.data() + static_cast<std::size_t>(thread) * 2 * kPieceElements;
      const auto [first, last] = pool_.share(errors_.size(), thread);
      for (std::size_t piece = first; piece < last; ++piece) {
        const std::uint64_t begin = piece * kPieceElements;
        errors_[piece] = convert_piece(from, in_.data() + numeric::bytes_of(from, begin), to,
                                       out_.data() + numeric::bytes_of(to, begin),
                                       std::min(kPieceElements, elements - begin), values,
                                       values + kPieceElements);
      }
    });
    bool finite = true;
    for (const PieceError& error : errors_) {
      change.signal += error.signal;
      change.noise += error.noise;
      finite = finite && error.finite;
    }
    return finite;
  }

  void report_progress(const TensorInfo& tensor) {
    if (options_.progress) {
      options_.progress(tensor.name,
                        static_cast<double>(bytes_done_) / static_cast<double>(bytes_total_));
    }
    bytes_done_ += in_.size();
  }

  const GgufFile& input_;
  NewFile& output_;
  const QuantizeOptions& options_;
  numeric::ThreadPool pool_;
  std::vector<std::byte> in_;
  std::vector<std::byte> out_;
  std::vector<float> values_;  // two pieces for each thread
  std::vector<PieceError> errors_;
  std::uint64_t bytes_total_ = 0;
  std::uint64_t bytes_done_ = 0;
};

TypeChange& change_of(std::vector<TypeChange>& changes, TensorType from, TensorType to) {
  const auto found = std::find_if(changes.begin(), changes.end(), [&](const TypeChange& change) {
    return change.from == from && change.to == to;
  });
  return found != changes.end() ? *found : changes.emplace_back(TypeChange{.from = from, .to = to});
}

}  // namespace

double TypeChange::signal_to_noise_db() const { return 10 * std::log10(signal / noise); }

Result<QuantizeReport> quantize_file(const GgufFile& input, const std::string& output_path,
                                     const QuantizeOptions& options) {
  if (is_same_file(input.file, output_path)) {
    return fail("M0501", fmt::format("`{}` is the input file", output_path),
                {"give the output another name"});
  }
  QuantizeReport report;
  report.bytes_before = input.size;
  std::vector<TensorInfo> tensors = planned_tensors(input, options, report.fallbacks);
  const std::string header = header_bytes(input, tensors, options.type);
  const std::uint64_t data_offset = padded(header.size(), input.alignment);
  report.bytes_after = header.size();

  NewFile output(output_path);
  if (auto created = output.create(); !created) {
    return fail(created);
  }
  if (auto written = output.write_at(0, header.data(), header.size()); !written) {
    return fail(written);
  }
  Converter converter(input, output, options);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorInfo& from = input.tensors[i];
    tensors[i].offset += data_offset;
    TypeChange& change = change_of(report.changes, from.type, tensors[i].type);
    if (auto converted = converter.convert(from, tensors[i], change); !converted) {
      return fail(converted);
    }
    report.bytes_after = tensors[i].offset + padded(tensors[i].bytes, input.alignment);
  }
  if (auto finished = output.finish(report.bytes_after); !finished) {
    return fail(finished);
  }
  return report;
}

}  // namespace churon::model
