// An HTTP server on the machine itself for tests of downloads. The test writes the raw bytes of
// every answer, so it can also give wrong ones: cut short, without end, never.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/text.h"

namespace churon::test {

struct HttpRequest {
  std::string path;
  std::map<std::string, std::string> fields;  // names in lower case

  [[nodiscard]] std::string field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? "" : found->second;
  }
  // The first byte that a Range header asks for.
  [[nodiscard]] std::optional<std::size_t> range_begin() const {
    const std::string range = field("range");
    return range.starts_with("bytes=") ? std::optional(std::stoull(range.substr(6))) : std::nullopt;
  }
};

struct HttpAnswer {
  std::string bytes;
  bool keep_open = false;  // says nothing more, and does not close until the server ends
};

using HttpFields = std::vector<std::pair<std::string, std::string>>;

inline std::string http_head(const std::string& status, const HttpFields& fields) {
  std::string head = "HTTP/1.1 " + status + "\r\n";
  for (const auto& [name, value] : fields) {
    head += fmt::format("{}: {}\r\n", name, value);
  }
  return head + "Connection: close\r\n\r\n";
}

inline HttpAnswer http_answer(const std::string& status, std::string_view body,
                              HttpFields fields = {}) {
  fields.emplace_back("Content-Length", std::to_string(body.size()));
  return {http_head(status, fields) + std::string(body)};
}

// What a good server does: ranges for those who hold the current version.
inline HttpAnswer http_file(const HttpRequest& request, std::string_view body,
                            const std::string& etag) {
  const auto begin = request.range_begin();
  if (!begin || request.field("if-range") != etag) {
    return http_answer("200 OK", body, {{"ETag", etag}});
  }
  if (*begin >= body.size()) {
    return http_answer("416 Range Not Satisfiable", "");
  }
  return http_answer(
      "206 Partial Content", body.substr(*begin),
      {{"ETag", etag},
       {"Content-Range", fmt::format("bytes {}-{}/{}", *begin, body.size() - 1, body.size())}});
}

// The same answer, cut off after so many bytes of its body.
inline HttpAnswer cut(HttpAnswer answer, std::size_t body_bytes) {
  answer.bytes.resize(
      std::min(answer.bytes.size(), answer.bytes.find("\r\n\r\n") + 4 + body_bytes));
  return answer;
}

class LoopbackServer {
 public:
  using Handler = std::function<HttpAnswer(const HttpRequest&)>;

  explicit LoopbackServer(Handler handler) : handler_(std::move(handler)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* name = reinterpret_cast<sockaddr*>(&address);
    check(::bind(listener_, name, size) == 0 && ::listen(listener_, 16) == 0 &&
              ::getsockname(listener_, name, &size) == 0,
          "a socket on loopback");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;
  ~LoopbackServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  [[nodiscard]] std::string url(const std::string& path) const {
    return fmt::format("http://127.0.0.1:{}{}", port_, path);
  }
  [[nodiscard]] std::vector<HttpRequest> requests() const {
    const std::lock_guard guard(mutex_);
    return requests_;
  }

 private:
  static HttpRequest read_request(int connection) {
    std::string text;
    char buffer[4096];
    while (text.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = ::recv(connection, buffer, sizeof buffer, 0);
      if (got <= 0) {
        break;
      }
      text.append(buffer, static_cast<std::size_t>(got));
    }
    HttpRequest request;
    const auto lines = split(text, '\n');
    const auto words = split(lines[0], ' ');
    request.path = words.size() > 1 ? words[1] : "";
    for (const auto line : lines) {
      if (const auto colon = line.find(':'); colon != std::string_view::npos) {
        request.fields[to_lower_ascii(line.substr(0, colon))] = trim(line.substr(colon + 1));
      }
    }
    return request;
  }

  void serve() {
    std::vector<int> kept;
    for (int connection; (connection = ::accept(listener_, nullptr, nullptr)) >= 0;) {
      HttpRequest request = read_request(connection);
      const HttpAnswer answer = handler_(request);
      {
        const std::lock_guard guard(mutex_);
        requests_.push_back(std::move(request));
      }
      std::string_view rest = answer.bytes;
      for (ssize_t put; !rest.empty() &&
                        (put = ::send(connection, rest.data(), rest.size(), MSG_NOSIGNAL)) > 0;) {
        rest.remove_prefix(static_cast<std::size_t>(put));
      }
      if (answer.keep_open) {
        kept.push_back(connection);
      } else {
        ::close(connection);
      }
    }
    for (const int connection : kept) {
      ::close(connection);
    }
  }

  Handler handler_;
  int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<HttpRequest> requests_;
  std::thread thread_;
};

}  // namespace churon::test
