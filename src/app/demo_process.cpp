#include "app/demo_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <system_error>
#include <thread>

#include "base/text.h"

namespace postseal::app {

namespace {

constexpr std::chrono::seconds stop_limit{30};  // a busy machine, a sanitizer build
constexpr std::chrono::milliseconds look_interval{20};

std::string system_error() {
    return std::generic_category().message(errno);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    out.reserve(texts.size() + 1);
    for (std::string& text : texts) {
        out.push_back(text.data());
    }
    out.push_back(nullptr);
    return out;
}

// Between fork and exec only system calls are allowed: the other threads, and whatever they had locked, are gone.
[[noreturn]] void become(char* const* arguments, char* const* environment, int log, pid_t parent) {
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, nullptr);
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent || ::dup2(log, STDOUT_FILENO) < 0 || ::dup2(log, STDERR_FILENO) < 0) {
        ::_exit(127);
    }
    ::execve(arguments[0], arguments, environment);
    ::_exit(127);
}

std::string end_of(const std::string& file) {
    constexpr std::size_t lines_max = 12;
    std::ifstream in(file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
        lines.push_back("  " + printable(line));
    }
    const std::size_t from = lines.size() > lines_max ? lines.size() - lines_max : 0;
    lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(from));
    return join(lines, "\n");
}

}  // namespace

Result<std::unique_ptr<DemoProcess>> DemoProcess::start(const Settings& settings) {
    std::vector<std::string> arguments{settings.program};
    arguments.insert(arguments.end(), settings.arguments.begin(), settings.arguments.end());
    std::vector<std::string> environment = settings.environment;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        environment.emplace_back(*entry);
    }
    const std::vector<char*> argument_pointers = pointers(arguments);
    const std::vector<char*> environment_pointers = pointers(environment);
    const net::Socket log(::open(settings.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!log.valid()) {
        return Error{Errc::unavailable, settings.log_file, system_error()};
    }
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) {
        return Error{Errc::unavailable, settings.name, system_error()};
    }
    if (pid == 0) {
        become(argument_pointers.data(), environment_pointers.data(), log.fd(), parent);
    }
    return std::unique_ptr<DemoProcess>(new DemoProcess(settings.name, settings.log_file, pid));
}

DemoProcess::~DemoProcess() {
    stop();
}

void DemoProcess::signal(int number) {
    const std::lock_guard lock(mutex_);
    if (pid_ > 0) {
        ::kill(pid_, number);
    }
}

bool DemoProcess::running() {
    const std::lock_guard lock(mutex_);
    if (pid_ > 0 && ::waitpid(pid_, &status_, WNOHANG) == pid_) {
        pid_ = 0;
    }
    return pid_ > 0;
}

void DemoProcess::stop() {
    signal(SIGTERM);
    const auto end = std::chrono::steady_clock::now() + stop_limit;
    while (running()) {
        if (std::chrono::steady_clock::now() > end) {
            signal(SIGKILL);
        }
        std::this_thread::sleep_for(look_interval);
    }
}

bool DemoProcess::ended_well() const {
    return WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
}

Error DemoProcess::how_it_ended() const {
    const std::string end = WIFEXITED(status_)
                                ? fmt::format("ended with status {}", WEXITSTATUS(status_))
                                : fmt::format("was ended by signal {}", WIFSIGNALED(status_) ? WTERMSIG(status_) : 0);
    return {Errc::unavailable, "", fmt::format("{} {}; the end of its log:\n{}", name_, end, end_of(log_file_))};
}

Result<ReadySocket> ReadySocket::make(const std::string& path) {
    POSTSEAL_TRY(const auto address, net::parse_listen_address("unix:" + path));
    POSTSEAL_TRY(net::Socket socket, net::bind_datagram(address, net::Sharing::exclusive, 0600));
    return ReadySocket(path, std::move(socket));
}

bool ReadySocket::wait(std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (true) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
        pollfd waiting{socket_.fd(), POLLIN, 0};
        if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0) {
            return false;
        }
        std::array<char, 512> buffer{};
        const ssize_t got = ::recv(socket_.fd(), buffer.data(), buffer.size(), 0);
        const std::string_view message(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
        for (const std::string_view line : split(message, '\n')) {
            if (line == "READY=1") {
                return true;
            }
        }
    }
}

}  // namespace postseal::app
