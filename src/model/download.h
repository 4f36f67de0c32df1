// One file over https into a `.part` file, continued from where an earlier attempt stopped.
//
// - https only, certificates verified. Plain http is allowed to the machine itself (127.0.0.1, ::1,
//   localhost), where nothing can be read or changed on the way. A redirect never leads from https
//   to http, nor from the machine to http elsewhere.
// - A download continues when the server gave a strong ETag and still gives the same (RFC 9110 §13,
//   If-Range); else it starts again.
// - The size is checked against the limit before the first byte and while they arrive.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/pull_watch.h"

namespace churon::model {

struct DownloadOptions {
  std::uint64_t size_max = 0;
  std::optional<std::uint64_t> size_expected;
  std::chrono::seconds connect_timeout{30};
  std::chrono::seconds stall_timeout{60};  // no byte for so long: give up (or try again)
  int tries = 4;                           // a broken connection is continued so often
  std::chrono::milliseconds retry_delay{1000};
  Watch watch;
};

// The whole file is in `part_path` afterwards; the result is its size.
Result<std::uint64_t> download(const std::string& url, const std::string& part_path,
                               const DownloadOptions& options);

// An error where the address is not one that `download` takes.
Result<void> check_url(const std::string& url);
// The last part of the path; an error unless it is a plain name of a GGUF file.
Result<std::string> url_file_name(const std::string& url);

// [A-Za-z0-9._-]+, not beginning with a dot or a dash: no folder, no option, no control character.
bool is_plain_name(std::string_view name);
// A plain name that ends in .gguf.
bool is_gguf_name(std::string_view name);
// hf:org/repo/path/file.gguf → https://huggingface.co/org/repo/resolve/main/path/file.gguf; the
// environment's HF_ENDPOINT names another host.
Result<std::string> hugging_face_url(std::string_view reference);

}  // namespace churon::model
