#include "model/download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "base/version.h"
#include "model/cache.h"

namespace churon::model {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRedirectsMax = 8;
constexpr std::string_view kRangeUnit = "bytes ";
constexpr std::uint64_t kErrorPageMax = 1 << 20;
constexpr std::uint64_t kStateSizeMax = 1 << 16;

// ---- addresses ----

using ParsedUrl = std::unique_ptr<CURLU, void (*)(CURLU*)>;

ParsedUrl parse_url(const std::string& url) {
  ParsedUrl parsed(curl_url(), curl_url_cleanup);
  if (parsed && curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    parsed.reset();
  }
  return parsed;
}

std::string part_of(const ParsedUrl& url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, 0) != CURLUE_OK) {
    return {};
  }
  std::string out(text);
  curl_free(text);
  return out;
}

bool is_loopback(std::string_view host) {
  return host == "127.0.0.1" || host == "[::1]" || host == "localhost";
}

Result<void> check_redirect(const std::string& from, const std::string& to) {
  const bool leaves_tls = from.starts_with("https:") && !to.starts_with("https:");
  if (check_url(to) && !leaves_tls) {
    return {};
  }
  return fail("P0201", fmt::format("`{}` leads to `{}`, which is not https", from, to),
              {"look for the address of a server that keeps the connection encrypted"});
}

// ---- what is remembered between two attempts ----

struct PartState {
  std::string url;
  std::string etag;        // empty: the server gave none that promises equal bytes
  std::uint64_t size = 0;  // of the whole file; 0: not known
};

std::string state_path(const std::string& part_path) { return part_path + ".json"; }

PartState read_state(const std::string& part_path) {
  const auto text = read_file(state_path(part_path), kStateSizeMax);
  const Json json = text ? Json::parse(*text, nullptr, false) : Json{};
  PartState state;
  if (json.is_object()) {
    const auto word = [&](const char* key) {
      return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
    };
    state.url = word("url");
    state.etag = word("etag");
    if (json.contains("size_bytes") && json["size_bytes"].is_number_unsigned()) {
      state.size = json["size_bytes"].get<std::uint64_t>();
    }
  }
  return state;
}

Result<void> write_state(const std::string& part_path, const PartState& state) {
  return write_file_atomically(
      state_path(part_path),
      dump_json({{"url", state.url}, {"etag", state.etag}, {"size_bytes", state.size}}) + "\n");
}

void remove_part(const std::string& part_path) {
  ::unlink(part_path.c_str());
  ::unlink(state_path(part_path).c_str());
}

// ---- one request ----

// "bytes 100-199/200" → {100, 200}
std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_content_range(std::string_view text) {
  const auto dash = text.find('-');
  const auto slash = text.find('/');
  if (!text.starts_with(kRangeUnit) || dash == std::string_view::npos ||
      slash == std::string_view::npos || slash < dash) {
    return std::nullopt;
  }
  const auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
      return std::nullopt;
    }
    return value;
  };
  const auto first = number(text.substr(kRangeUnit.size(), dash - kRangeUnit.size()));
  const auto total = number(text.substr(slash + 1));
  if (!first || !total) {
    return std::nullopt;
  }
  return std::pair(*first, *total);
}

struct Headers {
  std::string etag;
  std::string content_range;
  bool chunked = false;
};

// How a request ended, when it did not end with an error that is final.
enum class Outcome { whole, redirect, broken, refused_range };

struct Attempt {
  Outcome outcome = Outcome::whole;
  std::string text;       // where it leads, or why it broke
  bool received = false;  // bytes of the file arrived
};

class Request {
 public:
  Request(std::string url, std::string source_url, std::string part_path,
          const DownloadOptions& options)
      : url_(std::move(url)),
        source_url_(std::move(source_url)),
        part_path_(std::move(part_path)),
        options_(options) {}

  // Asks for what is missing after the bytes in the part file, or for all.
  Result<Attempt> run(bool from_start);

 private:
  static std::size_t on_header(const char* data, std::size_t, std::size_t size, void* self);
  static std::size_t on_body(const char* data, std::size_t, std::size_t size, void* self);
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

  void configure();
  bool begin_body();
  bool write(std::string_view bytes);
  Result<Attempt> judge(CURLcode code);
  [[nodiscard]] long status() const;
  [[nodiscard]] bool is_file() const { return status() == 200 || status() == 206; }
  bool give_up(tl::unexpected<Diagnostics> error) {
    problem_ = std::move(error).value();
    return false;
  }

  std::string url_;         // of this request
  std::string source_url_;  // that the user asked for
  std::string part_path_;
  const DownloadOptions& options_;

  std::unique_ptr<CURL, void (*)(CURL*)> curl_{nullptr, curl_easy_cleanup};
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> fields_{nullptr, curl_slist_free_all};
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  Headers headers_;
  PartState state_;
  File part_;
  std::uint64_t offset_ = 0;  // where the request began
  std::uint64_t done_ = 0;    // bytes of the file on disk
  std::uint64_t total_ = 0;   // 0: not known
  std::uint64_t error_page_ = 0;
  bool body_begun_ = false;
  bool refused_range_ = false;
  curl_off_t received_ = 0;
  Clock::time_point received_at_ = Clock::now();
  bool stalled_ = false;
  Diagnostics problem_;
};

std::size_t Request::on_header(const char* data, std::size_t, std::size_t size, void* self) {
  Headers& headers = static_cast<Request*>(self)->headers_;
  const std::string_view line(data, size);
  if (line.starts_with("HTTP/")) {
    headers = {};
  }
  const auto colon = line.find(':');
  if (colon != std::string_view::npos) {
    const std::string name = to_lower_ascii(line.substr(0, colon));
    const std::string_view value = trim(line.substr(colon + 1));
    if (name == "etag") {
      headers.etag = value;
    } else if (name == "content-range") {
      headers.content_range = value;
    } else if (name == "transfer-encoding") {
      headers.chunked = to_lower_ascii(value).find("chunked") != std::string::npos;
    }
  }
  return size;
}

std::size_t Request::on_body(const char* data, std::size_t, std::size_t size, void* self) {
  Request& request = *static_cast<Request*>(self);
  if (!request.is_file()) {
    request.error_page_ += size;
    return request.error_page_ <= kErrorPageMax ? size : 0;
  }
  return request.begin_body() && request.write({data, size}) ? size : 0;
}

int Request::on_progress(void* self, curl_off_t, curl_off_t received, curl_off_t, curl_off_t) {
  Request& request = *static_cast<Request*>(self);
  const auto now = Clock::now();
  if (received != request.received_) {
    request.received_ = received;
    request.received_at_ = now;
  }
  if (request.body_begun_) {
    request.options_.watch.report("downloading", request.done_, request.total_);
  }
  request.stalled_ = now - request.received_at_ >= request.options_.stall_timeout;
  return request.stalled_ || request.options_.watch.stop() ? 1 : 0;
}

long Request::status() const {
  long code = 0;
  curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &code);
  return code;
}

// The headers are complete: is this the file that was wanted, and does it fit?
bool Request::begin_body() {
  if (body_begun_) {
    return true;
  }
  curl_off_t length = -1;
  curl_easy_getinfo(curl_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (status() == 206) {
    const auto range = parse_content_range(headers_.content_range);
    const bool same_file = headers_.etag.empty() || headers_.etag == state_.etag;
    if (!range || offset_ == 0 || range->first != offset_ || !same_file ||
        (state_.size != 0 && range->second != state_.size)) {
      refused_range_ = true;
      return false;
    }
    total_ = range->second;
  } else {
    offset_ = 0;
    total_ = length < 0 ? 0 : static_cast<std::uint64_t>(length);
  }
  if (total_ == 0 && length == 0) {
    return give_up(fail("P0207", fmt::format("`{}` is empty", url_)));
  }
  if (total_ != 0 && options_.size_expected && total_ != *options_.size_expected) {
    return give_up(fail("P0207", fmt::format("`{}` has {} bytes, {} are expected", url_, total_,
                                             *options_.size_expected)));
  }
  if (total_ > options_.size_max) {
    return give_up(fail(
        "P0205", fmt::format("`{}` has {} bytes, the limit is {}", url_, total_, options_.size_max),
        {fmt::format("`--size-max {}B` allows it", total_)}));
  }
  const auto free = free_space(part_path_);
  const std::uint64_t missing = total_ > done_ ? total_ - done_ : 0;
  if (free && missing > *free) {
    return give_up(fail("P0206",
                        fmt::format("no room for `{}`: {} more bytes are needed, {} are free",
                                    part_path_, missing, *free),
                        {"free some space, or name another folder with CHURON_CACHE"}));
  }
  if (offset_ == 0) {
    // A weak validator does not promise equal bytes.
    const bool strong = !headers_.etag.empty() && !headers_.etag.starts_with("W/");
    state_ = {source_url_, strong ? headers_.etag : "", total_};
    if (::ftruncate(part_.descriptor(), 0) != 0) {
      return give_up(
          fail("P0404", fmt::format("cannot write `{}`: {}", part_path_, std::strerror(errno))));
    }
    if (auto written = write_state(part_path_, state_); !written) {
      return give_up(fail(written));
    }
  }
  done_ = offset_;
  body_begun_ = true;
  return true;
}

bool Request::write(std::string_view bytes) {
  if (bytes.size() > options_.size_max - std::min(done_, options_.size_max)) {
    return give_up(fail(
        "P0205", fmt::format("`{}` is longer than the limit of {} bytes", url_, options_.size_max),
        {"`--size-max` sets another limit"}));
  }
  while (!bytes.empty()) {
    const ssize_t put =
        ::pwrite(part_.descriptor(), bytes.data(), bytes.size(), static_cast<off_t>(done_));
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0) {
      const bool full = errno == ENOSPC || errno == EDQUOT;
      return give_up(fail(full ? "P0206" : "P0404",
                          fmt::format("cannot write `{}`: {}", part_path_, std::strerror(errno)),
                          {full ? "free some space; the same pull then continues"
                                : "CHURON_CACHE names another folder for models"}));
    }
    done_ += static_cast<std::uint64_t>(put);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

void Request::configure() {
  CURL* curl = curl_.get();
  const bool loopback = url_.starts_with("http:");
  curl_easy_setopt(curl, CURLOPT_URL, url_.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, loopback ? "http" : "https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  if (loopback) {
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  }
  curl_easy_setopt(curl, CURLOPT_USERAGENT, fmt::format("churon/{}", kVersion).c_str());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_text_.data());
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT,
                   static_cast<long>(options_.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &Request::on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Request::on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Request::on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
  if (offset_ > 0) {
    curl_easy_setopt(curl, CURLOPT_RANGE, fmt::format("{}-", offset_).c_str());
    fields_.reset(curl_slist_append(nullptr, fmt::format("If-Range: {}", state_.etag).c_str()));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields_.get());
  }
}

Result<Attempt> Request::run(bool from_start) {
  part_ = File(::open(part_path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (part_.descriptor() < 0) {
    return fail("P0404", fmt::format("cannot create `{}`: {}", part_path_, std::strerror(errno)),
                {"CHURON_CACHE names another folder for models"});
  }
  done_ = file_size(part_path_).value_or(0);
  state_ = read_state(part_path_);
  const bool same_source = state_.url == source_url_;
  if (same_source && !from_start && state_.size != 0 && done_ == state_.size) {
    return Attempt{};
  }
  if (same_source && !from_start && !state_.etag.empty()) {
    offset_ = done_;
  }
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  curl_.reset(curl_easy_init());
  check(initialised == CURLE_OK && curl_ != nullptr, "libcurl");
  configure();
  const CURLcode code = curl_easy_perform(curl_.get());
  if (code == CURLE_OK && is_file() && !body_begun_) {
    begin_body();  // an empty body
  }
  return judge(code);
}

Result<Attempt> Request::judge(CURLcode code) {
  if (!problem_.empty()) {
    const bool keep = problem_.front().code == "P0206" || problem_.front().code == "P0404";
    if (!keep) {
      remove_part(part_path_);
    }
    return tl::unexpected(problem_);
  }
  if (refused_range_ || (code == CURLE_OK && status() == 416 && offset_ > 0)) {
    return Attempt{Outcome::refused_range, {}, false};
  }
  if (code == CURLE_ABORTED_BY_CALLBACK && !stalled_) {
    return interrupted_pull();
  }
  const bool arrived = body_begun_ && done_ > offset_;
  if (stalled_) {
    return Attempt{Outcome::broken,
                   fmt::format("not a byte for {} s", options_.stall_timeout.count()), arrived};
  }
  if (code != CURLE_OK) {
    const char* words = error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(code);
    return Attempt{Outcome::broken, words, arrived};
  }
  char* location = nullptr;
  curl_easy_getinfo(curl_.get(), CURLINFO_REDIRECT_URL, &location);
  if (location != nullptr) {
    return Attempt{Outcome::redirect, location, false};
  }
  if (status() == 429 || status() >= 500) {
    return Attempt{Outcome::broken, fmt::format("the server answered {}", status()), true};
  }
  if (!is_file()) {
    std::vector<std::string> help;
    if (status() == 401 || status() == 403) {
      help = {"the file asks for an account: download it with a browser, and give its path"};
    } else if (status() == 404) {
      help = {"check the address; capital letters count in names"};
    }
    return fail("P0202", fmt::format("`{}`: the server answered {}", url_, status()), help);
  }
  long version = 0;
  curl_easy_getinfo(curl_.get(), CURLINFO_HTTP_VERSION, &version);
  const bool framed = headers_.chunked || version >= CURL_HTTP_VERSION_2_0;
  if (total_ == 0 && !framed && !options_.size_expected) {
    remove_part(part_path_);
    return fail("P0207",
                fmt::format("`{}`: the server does not say how long the file is, so nobody can "
                            "tell whether it is whole",
                            url_));
  }
  const std::uint64_t expected = total_ != 0 ? total_ : options_.size_expected.value_or(done_);
  if (done_ != expected) {
    remove_part(part_path_);
    return fail("P0207", fmt::format("`{}` has {} bytes, {} are expected", url_, done_, expected));
  }
  return Attempt{};
}

void sleep_unless_stopped(std::chrono::milliseconds time, const Watch& watch) {
  constexpr std::chrono::milliseconds step{50};
  for (; time > time.zero() && !watch.stop(); time -= step) {
    std::this_thread::sleep_for(std::min(time, step));
  }
}

}  // namespace

bool is_plain_name(std::string_view name) {
  constexpr std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !name.empty() && name.size() <= 200 && name.front() != '.' && name.front() != '-' &&
         name.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_gguf_name(std::string_view name) {
  return is_plain_name(name) && name.size() > 5 && name.ends_with(".gguf");
}

Result<void> check_url(const std::string& url) {
  const auto parsed = parse_url(url);
  if (!parsed) {
    return fail("P0106", fmt::format("`{}` is not an address", url),
                {"an address looks like https://example.org/folder/model.gguf"});
  }
  const std::string scheme = part_of(parsed, CURLUPART_SCHEME);
  const std::string host = part_of(parsed, CURLUPART_HOST);
  if (scheme != "https" && !(scheme == "http" && is_loopback(host))) {
    return fail("P0106", fmt::format("`{}` is not an https address", url),
                {"only https keeps a model from being read or changed on the way"});
  }
  if (!part_of(parsed, CURLUPART_USER).empty() || !part_of(parsed, CURLUPART_PASSWORD).empty()) {
    return fail("P0106", "an address with a user name or a password in it would be kept on disk",
                {"download the file with another tool, and give its path"});
  }
  return {};
}

Result<std::string> url_file_name(const std::string& url) {
  const std::string path = part_of(parse_url(url), CURLUPART_PATH);
  std::string name = path.substr(path.rfind('/') + 1);
  if (!is_gguf_name(name)) {
    return fail("P0107",
                fmt::format("the address has to end in a plain file name such as model-q4_0.gguf, "
                            "not in `{}`",
                            name),
                {"allowed are letters, digits, `.`, `_` and `-`, and .gguf at the end"});
  }
  return name;
}

Result<std::string> hugging_face_url(std::string_view reference) {
  const std::string_view path = reference.substr(std::min<std::size_t>(3, reference.size()));
  const auto parts = split(path, '/');
  const bool plain = parts.size() >= 3 && std::all_of(parts.begin(), parts.end(), is_plain_name);
  if (!reference.starts_with("hf:") || !plain || !is_gguf_name(parts.back())) {
    return fail("P0107",
                fmt::format("`{}` does not have the form hf:org/repo/file.gguf", reference),
                {"for example hf:org/model-GGUF/model-q4_0.gguf"});
  }
  const char* chosen = std::getenv("HF_ENDPOINT");
  std::string host = chosen != nullptr && *chosen != '\0' ? chosen : "https://huggingface.co";
  if (auto accepted = check_url(host); !accepted) {
    return fail(accepted);
  }
  while (host.ends_with('/')) {
    host.pop_back();
  }
  const std::string file(path.substr(parts[0].size() + parts[1].size() + 2));
  return fmt::format("{}/{}/{}/resolve/main/{}", host, parts[0], parts[1], file);
}

Result<std::uint64_t> download(const std::string& url, const std::string& part_path,
                               const DownloadOptions& options) {
  if (auto accepted = check_url(url); !accepted) {
    return fail(accepted);
  }
  std::string current = url;
  int redirects = 0;
  bool from_start = false;
  for (int broken = 0; true;) {
    const auto attempt = Request(current, url, part_path, options).run(from_start);
    if (!attempt) {
      return fail(attempt);
    }
    switch (attempt->outcome) {
      case Outcome::whole:
        return file_size(part_path).value_or(0);
      case Outcome::refused_range:  // the file on the server is another one now
        if (std::exchange(from_start, true)) {
          return fail("P0202",
                      fmt::format("`{}`: the server sends a piece, the whole was asked for", url));
        }
        break;
      case Outcome::redirect:
        if (++redirects > kRedirectsMax) {
          return fail("P0201", fmt::format("`{}` leads from address to address without end", url));
        }
        if (auto accepted = check_redirect(current, attempt->text); !accepted) {
          return fail(accepted);
        }
        current = attempt->text;
        break;
      case Outcome::broken:
        if (!attempt->received || ++broken >= options.tries) {
          return fail({.code = "P0203",
                       .message = fmt::format("cannot download `{}`: {}", url, attempt->text),
                       .help = {"the same pull continues where this one stopped"}});
        }
        sleep_unless_stopped(options.retry_delay * broken, options.watch);
        current = url;  // a signed address that a redirect gave may have run out
        redirects = 0;
        from_start = false;
        break;
    }
    if (options.watch.stop()) {
      return interrupted_pull();
    }
  }
}

}  // namespace churon::model
