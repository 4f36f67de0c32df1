#include "model/gguf.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_set>

#include "base/check.h"
#include "base/text.h"
#include "model/bytes.h"
#include "model/findings.h"

namespace churon::model {

namespace {

struct MetadataTypeInfo {
  MetadataType type;
  std::string_view name;
  std::uint64_t bytes;  // of one value; 0: its own length stands in front of it
};
constexpr std::array kMetadataTypes{
    MetadataTypeInfo{MetadataType::uint8, "uint8", 1},
    MetadataTypeInfo{MetadataType::int8, "int8", 1},
    MetadataTypeInfo{MetadataType::uint16, "uint16", 2},
    MetadataTypeInfo{MetadataType::int16, "int16", 2},
    MetadataTypeInfo{MetadataType::uint32, "uint32", 4},
    MetadataTypeInfo{MetadataType::int32, "int32", 4},
    MetadataTypeInfo{MetadataType::float32, "float32", 4},
    MetadataTypeInfo{MetadataType::boolean, "boolean", 1},
    MetadataTypeInfo{MetadataType::string, "string", 0},
    MetadataTypeInfo{MetadataType::array, "array", 0},
    MetadataTypeInfo{MetadataType::uint64, "uint64", 8},
    MetadataTypeInfo{MetadataType::int64, "int64", 8},
    MetadataTypeInfo{MetadataType::float64, "float64", 8},
};
const MetadataTypeInfo& info(MetadataType type) {
  return kMetadataTypes[static_cast<std::size_t>(type)];
}

constexpr std::uint64_t kFirstReadBytes = std::uint64_t{2} << 20;
constexpr std::uint64_t kFixedHeadBytes = 4 + 4 + 8 + 8;  // magic, version, two counts
// The least that a table row needs: what a count promises must be there before memory is taken.
constexpr std::uint64_t kEntryBytesMin = 8 + 1 + 4 + 1;
constexpr std::uint64_t kTensorBytesMin = 8 + 1 + 4 + 8 + 4 + 8;
constexpr std::uint64_t kStringBytesMin = 8;
constexpr std::uint64_t kArrayBytesMin = 4 + 8;
constexpr std::uint64_t kKeyBytesMax = 65535;
constexpr std::uint64_t kTensorNameBytesMax = 64;
constexpr std::uint32_t kTensorRankMax = 4;
constexpr int kArrayDepthMax = 4;
constexpr std::uint32_t kAlignmentDefault = 32;
constexpr std::string_view kAlignmentKey = "general.alignment";
constexpr std::string_view kConvertHelp = "llama.cpp's tools convert it";

std::string known_tensor_types() {
  std::vector<std::string> names;
  for (const auto& type : numeric::tensor_types()) {
    names.emplace_back(type.name);
  }
  return join(names, ", ");
}

// Parses the header from the bytes at hand. Where the file has more bytes than are at hand, running
// out of them is no error: `bytes_wanted()` says how many would bring it further.
class HeaderParser {
 public:
  HeaderParser(std::span<const std::byte> bytes, std::uint64_t file_size)
      : bytes_(bytes), file_size_(file_size) {}

  // False: see `bytes_wanted`, then `errors`.
  bool parse() {
    std::uint64_t tensor_count = 0;
    std::uint64_t entry_count = 0;
    return parse_fixed_head(tensor_count, entry_count) && parse_entries(entry_count) &&
           parse_alignment() && parse_tensor_table(tensor_count) && find_data() && place_tensors();
  }

  std::uint64_t bytes_wanted() const { return bytes_wanted_; }
  Diagnostics errors() { return findings_.take(); }

  std::uint32_t version = 0;
  std::uint32_t alignment = kAlignmentDefault;
  std::uint64_t data_offset = 0;
  std::vector<MetadataEntry> entries;
  std::vector<TensorInfo> tensors;

 private:
  bool fail_at(std::uint64_t offset, std::string code, std::string message,
               std::vector<std::string> help = {}) {
    findings_.add({.code = std::move(code),
                   .message = std::move(message),
                   .notes = {fmt::format("at byte {} of the file", offset)},
                   .help = std::move(help)});
    return false;
  }

  // Are `size` more bytes at hand? `what` says whose they are.
  bool need(std::uint64_t size, std::string_view what) {
    if (size > file_size_ - position_) {
      return fail_at(position_, "M0101",
                     fmt::format("{} needs {} bytes, the file ends {} bytes after this place", what,
                                 size, file_size_ - position_),
                     {"the file is cut or damaged: fetch or copy it again"});
    }
    if (size > kGgufHeaderBytesMax - position_) {
      return fail_at(position_, "M0102",
                     fmt::format("{} needs {} bytes; the metadata and tensor table of a model take "
                                 "at most {} MiB",
                                 what, size, kGgufHeaderBytesMax >> 20));
    }
    if (size > bytes_.size() - position_) {
      bytes_wanted_ = position_ + size;
      return false;
    }
    return true;
  }

  template <typename T>
  bool read(T& value, std::string_view what) {
    if (!need(sizeof value, what)) {
      return false;
    }
    value = load<T>(bytes_.data() + position_);
    position_ += sizeof value;
    return true;
  }

  bool read_string(std::string_view& text, std::string_view what) {
    std::uint64_t length = 0;
    if (!read(length, what) || !need(length, what)) {
      return false;
    }
    text = {reinterpret_cast<const char*>(bytes_.data() + position_),
            static_cast<std::size_t>(length)};
    position_ += length;
    return true;
  }

  bool parse_fixed_head(std::uint64_t& tensor_count, std::uint64_t& entry_count) {
    if (file_size_ < kFixedHeadBytes || !need(kFixedHeadBytes, "the head of a GGUF file")) {
      return bytes_wanted_ != 0
                 ? false
                 : fail_at(0, "M0103",
                           fmt::format("this is no GGUF file: it has {} bytes, the head alone {}",
                                       file_size_, kFixedHeadBytes));
    }
    const std::string_view magic(reinterpret_cast<const char*>(bytes_.data()), 4);
    if (magic != "GGUF") {
      return fail_at(0, "M0103",
                     fmt::format("this is no GGUF file: it begins with `{}`, not with `GGUF`",
                                 escape_control(magic)),
                     {"models in other forms (safetensors, PyTorch) are converted by llama.cpp's "
                      "convert_hf_to_gguf.py"});
    }
    position_ = magic.size();
    if (!read(version, "the version")) {
      return false;
    }
    if (version != 0 && (version & 0xFFFF) == 0) {
      return fail_at(4, "M0104", "the file is big-endian; little-endian GGUF is read",
                     {std::string(kConvertHelp)});
    }
    if (version != 2 && version != 3) {
      return fail_at(4, "M0104", fmt::format("GGUF version {}; versions 2 and 3 are read", version),
                     {std::string(kConvertHelp)});
    }
    return read(tensor_count, "the number of tensors") && read(entry_count, "the number of keys");
  }

  // A count is believed when the file could hold that many.
  bool believe(std::uint64_t count, std::uint64_t bytes_min, std::string_view what) {
    if (count > (file_size_ - position_) / bytes_min) {
      return fail_at(
          position_, "M0105",
          fmt::format("the file says that it has {} {}; its remaining {} bytes have room "
                      "for {} at most",
                      count, what, file_size_ - position_, (file_size_ - position_) / bytes_min));
    }
    return need(count * bytes_min, what);
  }

  bool parse_entries(std::uint64_t count) {
    if (!believe(count, kEntryBytesMin, "keys")) {
      return false;
    }
    entries.reserve(count);
    std::unordered_set<std::string_view> keys;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t offset = position_;
      MetadataEntry& entry = entries.emplace_back();
      if (!read_string(entry.key, fmt::format("key {}", i))) {
        return false;
      }
      if (entry.key.empty() || entry.key.size() > kKeyBytesMax) {
        return fail_at(offset, "M0106",
                       fmt::format("key {} has a name of {} bytes; 1 to {} are right", i,
                                   entry.key.size(), kKeyBytesMax));
      }
      if (!keys.insert(entry.key).second) {
        return fail_at(offset, "M0107", fmt::format("key `{}` stands twice", entry.key));
      }
      if (!read_type(entry.type, entry.key)) {
        return false;
      }
      entry.element_type = entry.type;
      entry.offset = position_;
      if (!parse_value(entry)) {
        return false;
      }
    }
    return true;
  }

  bool read_type(MetadataType& type, std::string_view key) {
    std::uint32_t number = 0;
    if (!read(number, fmt::format("the type of key `{}`", key))) {
      return false;
    }
    if (number >= kMetadataTypes.size()) {
      return fail_at(position_ - sizeof number, "M0108",
                     fmt::format("key `{}` has a value of type {}; types 0 to {} are known", key,
                                 number, kMetadataTypes.size() - 1));
    }
    type = static_cast<MetadataType>(number);
    return true;
  }

  bool parse_value(MetadataEntry& entry) {
    if (entry.type == MetadataType::string) {
      std::string_view text;
      if (!read_string(text, fmt::format("the text of key `{}`", entry.key))) {
        return false;
      }
      entry.bytes = bytes_.subspan(position_ - text.size(), text.size());
      return true;
    }
    if (entry.type == MetadataType::array) {
      if (!read_type(entry.element_type, entry.key)) {
        return false;
      }
      if (!read(entry.count, fmt::format("the length of array `{}`", entry.key))) {
        return false;
      }
      const std::uint64_t begin = position_;
      if (!skip_elements(entry.element_type, entry.count, entry.key, 1, &entry.string_offsets)) {
        return false;
      }
      entry.bytes = bytes_.subspan(begin, position_ - begin);
      return true;
    }
    const std::uint64_t begin = position_;
    if (!skip_elements(entry.type, 1, entry.key, 0, nullptr)) {
      return false;
    }
    entry.bytes = bytes_.subspan(begin, position_ - begin);
    return true;
  }

  // Moves behind `count` values. `string_offsets` takes where each string's length stands.
  bool skip_elements(MetadataType type, std::uint64_t count, std::string_view key, int depth,
                     std::vector<std::uint32_t>* string_offsets) {
    if (depth > kArrayDepthMax) {
      return fail_at(
          position_, "M0109",
          fmt::format("key `{}` has arrays in arrays, more than {} deep", key, kArrayDepthMax));
    }
    switch (type) {
      case MetadataType::string:
        return believe(count, kStringBytesMin, fmt::format("strings in array `{}`", key)) &&
               skip_strings(count, key, string_offsets);
      case MetadataType::array: {
        if (!believe(count, kArrayBytesMin, fmt::format("arrays in array `{}`", key))) {
          return false;
        }
        for (std::uint64_t i = 0; i < count; ++i) {
          MetadataType inner = MetadataType::uint8;
          std::uint64_t inner_count = 0;
          if (!read_type(inner, key) ||
              !read(inner_count, fmt::format("an array in array `{}`", key)) ||
              !skip_elements(inner, inner_count, key, depth + 1, nullptr)) {
            return false;
          }
        }
        return true;
      }
      case MetadataType::boolean:
        return believe(count, 1, fmt::format("values of key `{}`", key)) &&
               skip_booleans(count, key);
      case MetadataType::uint8:
      case MetadataType::int8:
      case MetadataType::uint16:
      case MetadataType::int16:
      case MetadataType::uint32:
      case MetadataType::int32:
      case MetadataType::float32:
      case MetadataType::uint64:
      case MetadataType::int64:
      case MetadataType::float64:
        if (!believe(count, info(type).bytes, fmt::format("values of key `{}`", key))) {
          return false;
        }
        position_ += count * info(type).bytes;
        return true;
    }
    return false;
  }

  bool skip_strings(std::uint64_t count, std::string_view key,
                    std::vector<std::uint32_t>* string_offsets) {
    if (string_offsets != nullptr) {
      string_offsets->reserve(count);
    }
    const std::string what = fmt::format("a string of array `{}`", key);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (string_offsets != nullptr) {
        string_offsets->push_back(static_cast<std::uint32_t>(position_));
      }
      std::string_view text;
      if (!read_string(text, what)) {
        return false;
      }
    }
    return true;
  }

  bool skip_booleans(std::uint64_t count, std::string_view key) {
    for (std::uint64_t i = 0; i < count; ++i, ++position_) {
      const auto byte = load<std::uint8_t>(bytes_.data() + position_);
      if (byte > 1) {
        return fail_at(position_, "M0110",
                       fmt::format("key `{}` has the boolean {}; 0 and 1 are right", key, byte));
      }
    }
    return true;
  }

  bool parse_alignment() {
    const auto found = std::find_if(entries.begin(), entries.end(), [](const MetadataEntry& entry) {
      return entry.key == kAlignmentKey;
    });
    if (found == entries.end()) {
      return true;
    }
    if (found->type != MetadataType::uint32) {
      return fail_at(
          found->offset, "M0111",
          fmt::format("key `{}` is of type {}; uint32 is right", kAlignmentKey, name(found->type)));
    }
    alignment = load<std::uint32_t>(found->bytes.data());
    if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
      return fail_at(
          found->offset, "M0111",
          fmt::format("key `{}` is {}; a power of two is right", kAlignmentKey, alignment));
    }
    return true;
  }

  bool parse_tensor_table(std::uint64_t count) {
    if (!believe(count, kTensorBytesMin, "tensors")) {
      return false;
    }
    tensors.reserve(count);
    table_offsets_.reserve(count);
    std::unordered_set<std::string_view> names;
    for (std::uint64_t i = 0; i < count; ++i) {
      table_offsets_.push_back(position_);
      std::string_view tensor_name;
      if (!read_string(tensor_name, fmt::format("the name of tensor {}", i))) {
        return false;
      }
      if (tensor_name.empty() || tensor_name.size() > kTensorNameBytesMax) {
        return fail_at(table_offsets_[i], "M0106",
                       fmt::format("tensor {} has a name of {} bytes; 1 to {} are right", i,
                                   tensor_name.size(), kTensorNameBytesMax));
      }
      if (!names.insert(tensor_name).second) {
        return fail_at(table_offsets_[i], "M0107",
                       fmt::format("tensor `{}` stands twice", tensor_name));
      }
      if (!parse_tensor(tensors.emplace_back(TensorInfo{.name = std::string(tensor_name)}))) {
        return false;
      }
    }
    return true;
  }

  bool parse_tensor(TensorInfo& tensor) {
    const std::string what = fmt::format("the description of tensor `{}`", tensor.name);
    std::uint32_t rank = 0;
    std::uint32_t type = 0;
    if (!read(rank, what)) {
      return false;
    }
    if (rank == 0 || rank > kTensorRankMax) {
      return fail_at(position_ - sizeof rank, "M0201",
                     fmt::format("tensor `{}` has {} dimensions; 1 to {} are right", tensor.name,
                                 rank, kTensorRankMax));
    }
    tensor.rank = static_cast<int>(rank);
    const std::uint64_t dims_offset = position_;
    std::uint64_t elements = 1;
    for (std::uint32_t i = 0; i < rank; ++i) {
      if (!read(tensor.dims[i], what)) {
        return false;
      }
      if (tensor.dims[i] == 0) {
        return fail_at(
            position_ - 8, "M0201",
            fmt::format("dimension {} of tensor `{}` is 0; 1 or more is right", i, tensor.name));
      }
      if (__builtin_mul_overflow(elements, tensor.dims[i], &elements) ||
          elements > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return fail_at(
            dims_offset, "M0201",
            fmt::format("tensor `{}` has 2^63 elements or more; fewer are right", tensor.name));
      }
    }
    const std::uint64_t type_offset = position_;
    if (!read(type, what) || !read(tensor.offset, what)) {
      return false;
    }
    const auto known = numeric::tensor_type_from_ggml(type);
    if (!known) {
      return fail_at(
          type_offset, "M0202",
          fmt::format("tensor `{}` is of type {}, which is not supported", tensor.name, type),
          {"supported are " + known_tensor_types(),
           "llama.cpp's `llama-quantize` makes one of them from the original file"});
    }
    tensor.type = *known;
    const auto& layout = numeric::info(tensor.type);
    const auto block_elements = static_cast<std::uint64_t>(layout.block_elements);
    if (tensor.columns() % block_elements != 0) {
      return fail_at(dims_offset, "M0203",
                     fmt::format("rows of tensor `{}` have {} elements; {} comes in blocks of {}",
                                 tensor.name, tensor.columns(), layout.name, block_elements));
    }
    if (__builtin_mul_overflow(elements / block_elements,
                               static_cast<std::uint64_t>(layout.block_bytes), &tensor.bytes)) {
      return fail_at(
          dims_offset, "M0201",
          fmt::format("tensor `{}` has 2^64 bytes or more; fewer are right", tensor.name));
    }
    return true;
  }

  // The data begins at the next multiple of the alignment.
  bool find_data() {
    const std::uint64_t step = alignment;
    data_offset = (position_ + step - 1) / step * step;
    if (tensors.empty()) {
      data_offset = std::min(data_offset, file_size_);
    }
    return need(data_offset - position_, "the padding before the tensor data");
  }

  // Every tensor inside the file, aligned, and none over another.
  bool place_tensors() {
    const std::uint64_t data_size = file_size_ - data_offset;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      TensorInfo& tensor = tensors[i];
      if (tensor.offset % alignment != 0) {
        fail_at(table_offsets_[i], "M0204",
                fmt::format("tensor `{}` begins at {} of the tensor data, which is no multiple of "
                            "the alignment {}",
                            tensor.name, tensor.offset, alignment));
      }
      if (tensor.offset > data_size || tensor.bytes > data_size - tensor.offset) {
        fail_at(table_offsets_[i], "M0205",
                fmt::format("tensor `{}` lies outside the file: {} bytes from {} of the tensor "
                            "data, which has {}",
                            tensor.name, tensor.bytes, tensor.offset, data_size),
                {"the file is cut or damaged: fetch or copy it again"});
      }
    }
    if (!findings_.empty()) {
      return false;
    }
    std::vector<std::size_t> order(tensors.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(tensors[a].offset, a) < std::pair(tensors[b].offset, b);
    });
    for (std::size_t i = 1; i < order.size(); ++i) {
      const TensorInfo& before = tensors[order[i - 1]];
      const TensorInfo& after = tensors[order[i]];
      if (before.offset + before.bytes > after.offset) {
        fail_at(table_offsets_[order[i]], "M0206",
                fmt::format("tensors `{}` and `{}` overlap: the first ends at {} of the tensor "
                            "data, the second begins at {}",
                            before.name, after.name, before.offset + before.bytes, after.offset));
      }
    }
    for (TensorInfo& tensor : tensors) {
      tensor.offset += data_offset;
    }
    return findings_.empty();
  }

  std::span<const std::byte> bytes_;
  std::uint64_t file_size_;
  std::uint64_t position_ = 0;
  std::uint64_t bytes_wanted_ = 0;
  std::vector<std::uint64_t> table_offsets_;  // where each tensor is described
  Findings findings_;
};

// The parsed header with its bytes.
GgufFile assembled(HeaderParser& parser, std::vector<std::byte> header, std::uint64_t file_size,
                   const std::string& path) {
  header.resize(parser.data_offset);  // never longer than it was: the entries' views stay
  GgufFile file;
  file.path = path;
  file.size = file_size;
  file.version = parser.version;
  file.alignment = parser.alignment;
  file.data_offset = parser.data_offset;
  file.metadata = Metadata(std::move(header), std::move(parser.entries));
  file.tensors = std::move(parser.tensors);
  return file;
}

tl::unexpected<Diagnostics> errors_in(HeaderParser& parser, const std::string& path) {
  Diagnostics errors = with_remedy(parser.errors());
  for (Diagnostic& error : errors) {
    error.message = fmt::format("`{}`: {}", path, error.message);
  }
  return tl::unexpected(std::move(errors));
}

}  // namespace

std::string_view name(MetadataType type) { return info(type).name; }

std::string shape_text(const TensorInfo& tensor) {
  std::string text;
  for (int i = 0; i < tensor.rank; ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : " x ", tensor.dims[static_cast<std::size_t>(i)]);
  }
  return text;
}

const TensorInfo* GgufFile::find_tensor(std::string_view wanted) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const TensorInfo& tensor) { return tensor.name == wanted; });
  return found == tensors.end() ? nullptr : &*found;
}

std::string GgufFile::digest() const {
  const auto header = metadata.header();
  return sha256_hex({reinterpret_cast<const char*>(header.data()), header.size()});
}

Result<void> GgufFile::read_tensor(const TensorInfo& tensor, std::span<std::byte> out) const {
  check(out.size() == tensor.bytes, out.size(), tensor.name);
  return read_part(tensor, 0, out);
}

Result<void> GgufFile::read_rows(const TensorInfo& tensor, std::uint64_t first, std::uint64_t count,
                                 std::span<std::byte> out) const {
  check(first <= tensor.rows() && count <= tensor.rows() - first, first, count);
  check(out.size() == count * tensor.row_bytes(), out.size(), tensor.name);
  return read_part(tensor, first * tensor.row_bytes(), out);
}

Result<void> GgufFile::read_part(const TensorInfo& tensor, std::uint64_t begin,
                                 std::span<std::byte> out) const {
  check(begin <= tensor.bytes && out.size() <= tensor.bytes - begin, begin, tensor.name);
  auto got = file.read_at(tensor.offset + begin, out, path);
  if (!got) {
    got.error().front().notes.push_back(fmt::format("while reading tensor `{}`", tensor.name));
    return fail(got);
  }
  return {};
}

Result<GgufFile> parse_gguf(std::vector<std::byte> header, std::uint64_t file_size,
                            const std::string& path) {
  HeaderParser parser(header, file_size);
  if (parser.parse()) {
    return assembled(parser, std::move(header), file_size, path);
  }
  if (parser.bytes_wanted() > 0) {
    return fail("M0101", fmt::format("`{}`: the header goes on behind the {} bytes that were read",
                                     path, header.size()));
  }
  return errors_in(parser, path);
}

Result<GgufFile> open_gguf(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    return not_a_regular_file(path);
  }
  auto file = open_for_reading(path);
  if (!file) {
    return fail(file);
  }
  const auto size = file->size(path);
  if (!size) {
    return fail(size);
  }
  std::uint64_t wanted = kFirstReadBytes;
  std::vector<std::byte> header;
  while (true) {
    const std::size_t had = header.size();
    header.resize(std::min({wanted, *size, kGgufHeaderBytesMax}));
    if (auto got = file->read_at(had, std::span(header).subspan(had), path); !got) {
      return fail(got);
    }
    HeaderParser parser(header, *size);
    if (parser.parse()) {
      GgufFile result = assembled(parser, std::move(header), *size, path);
      result.file = std::move(*file);
      return result;
    }
    if (parser.bytes_wanted() == 0) {
      return errors_in(parser, path);
    }
    wanted = std::max<std::uint64_t>(parser.bytes_wanted(), 4 * header.size());
  }
}

}  // namespace churon::model
