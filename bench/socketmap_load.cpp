// Puts load on a socketmap server and reads what it cost: one thread, epoll, each connection with a fixed number of
// requests in flight.
//
//     socketmap_load PORT key=value …
//       domains=FILE        one domain a line; asked for at random
//       cold=FILE           domains that are asked for once each, in order …
//       cold_percent=N      … by so many of a hundred requests
//       connections=16 depth=1 seconds=3
//       once=1              each of `domains` once, in order, instead of at random for some seconds
//       pid=PID             of the server: its CPU time is read through its CPU clock
//
// Prints one line of JSON. Latencies and counts under "hit" are those of `domains`, under "cold" those of `cold`.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace {

using Nanoseconds = std::uint64_t;
constexpr Nanoseconds second = 1'000'000'000;

Nanoseconds read_clock(clockid_t clock) {
    timespec time{};
    return ::clock_gettime(clock, &time) == 0
               ? static_cast<Nanoseconds>(time.tv_sec) * second + static_cast<Nanoseconds>(time.tv_nsec)
               : 0;
}
Nanoseconds now() {
    return read_clock(CLOCK_MONOTONIC);
}
Nanoseconds cpu_of(pid_t pid) {
    clockid_t clock{};
    return pid > 0 && ::clock_getcpuclockid(pid, &clock) == 0 ? read_clock(clock) : 0;
}

struct Latencies {
    std::vector<std::uint32_t> ns;
    void add(Nanoseconds latency) {
        ns.push_back(static_cast<std::uint32_t>(std::min<Nanoseconds>(latency, 0xffffffffU)));
    }
    double percentile_us(double part) {
        if (ns.empty()) {
            return 0;
        }
        const auto at = std::min(ns.size() - 1, static_cast<std::size_t>(part * static_cast<double>(ns.size())));
        std::nth_element(ns.begin(), ns.begin() + static_cast<std::ptrdiff_t>(at), ns.end());
        return ns[at] / 1000.0;
    }
};

struct Options {
    std::map<std::string, std::string> values;
    [[nodiscard]] std::string text(const std::string& key) const {
        const auto found = values.find(key);
        return found == values.end() ? std::string() : found->second;
    }
    [[nodiscard]] long number(const std::string& key, long otherwise) const {
        const std::string value = text(key);
        return value.empty() ? otherwise : std::strtol(value.c_str(), nullptr, 10);
    }
};

std::vector<std::string> read_requests(const std::string& file) {
    std::vector<std::string> requests;
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
        const std::string payload = "QUERY " + line;
        requests.push_back(std::to_string(payload.size()) + ":" + payload + ",");
    }
    return requests;
}

struct Sent {
    Nanoseconds at = 0;
    bool cold = false;
};
struct Connection {
    int fd = -1;
    std::string in;
    std::string out;
    std::deque<Sent> sent;
    bool writing = false;
};

class Load {
public:
    Load(std::uint16_t port, const Options& options)
        : depth_(static_cast<std::size_t>(options.number("depth", 1))),
          cold_percent_(static_cast<unsigned>(options.number("cold_percent", 0))),
          once_(options.number("once", 0) != 0),
          duration_(static_cast<Nanoseconds>(options.number("seconds", 3)) * second),
          pid_(static_cast<pid_t>(options.number("pid", 0))),
          requests_(read_requests(options.text("domains"))),
          cold_requests_(read_requests(options.text("cold"))),
          connections_(static_cast<std::size_t>(options.number("connections", 16))) {
        if (requests_.empty()) {
            fail("no domains");
        }
        for (std::size_t i = 0; i < connections_.size(); ++i) {
            open(connections_[i], port, i);
        }
    }
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;
    ~Load() {
        for (const Connection& connection : connections_) {
            ::close(connection.fd);
        }
        ::close(poll_);
    }

    void run() {
        const Nanoseconds start = now();
        const Nanoseconds server_before = cpu_of(pid_);
        end_ = start + duration_;
        for (Connection& connection : connections_) {
            fill(connection);
        }
        std::vector<epoll_event> events(connections_.size());
        while (done_ < sent_) {
            const int count = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), 60'000);
            if (count <= 0) {
                fail("no answer for a minute");
            }
            for (int i = 0; i < count; ++i) {
                Connection& connection = connections_[events[static_cast<std::size_t>(i)].data.u64];
                receive(connection);
                fill(connection);
            }
        }
        elapsed_ = now() - start;
        server_cpu_ = cpu_of(pid_) - server_before;
    }

    void print() {
        const double total = static_cast<double>(std::max<std::uint64_t>(1, done_));
        std::printf(
            "{\"queries\": %llu, \"seconds\": %.3f, \"per_second\": %.0f, \"server_cpu_us\": %.3f, "
            "\"own_cpu_us\": %.3f, \"hit\": {\"count\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}, "
            "\"cold\": {\"count\": %zu, \"p50_us\": %.1f}, \"kinds\": {",
            static_cast<unsigned long long>(done_), static_cast<double>(elapsed_) / 1e9,
            total / (static_cast<double>(elapsed_) / 1e9), static_cast<double>(server_cpu_) / 1e3 / total,
            static_cast<double>(read_clock(CLOCK_PROCESS_CPUTIME_ID)) / 1e3 / total, hits_.ns.size(),
            hits_.percentile_us(0.5), hits_.percentile_us(0.99), hits_.percentile_us(0.999), colds_.ns.size(),
            colds_.percentile_us(0.5));
        const char* comma = "";
        for (const auto& [kind, count] : kinds_) {
            std::printf("%s\"%s\": %llu", comma, kind.c_str(), static_cast<unsigned long long>(count));
            comma = ", ";
        }
        std::printf("}}\n");
    }

private:
    [[noreturn]] static void fail(const char* what) {
        std::fprintf(stderr, "socketmap_load: %s\n", what);
        std::exit(1);
    }

    void open(Connection& connection, std::uint16_t port, std::uint64_t index) const {
        connection.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(connection.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            fail("cannot connect");
        }
        const int one = 1;
        ::setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        ::fcntl(connection.fd, F_SETFL, O_NONBLOCK);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = index;
        ::epoll_ctl(poll_, EPOLL_CTL_ADD, connection.fd, &event);
    }

    // The next request, or none when it is over.
    const std::string* next(bool& cold) {
        if (once_) {
            return at_ < requests_.size() ? &requests_[at_++] : nullptr;
        }
        cold = cold_percent_ > 0 && random_() % 100 < cold_percent_;
        if (cold) {
            return cold_at_ < cold_requests_.size() ? &cold_requests_[cold_at_++] : nullptr;
        }
        return &requests_[random_() % requests_.size()];
    }

    void fill(Connection& connection) {
        Nanoseconds at = 0;
        while (!over_ && connection.sent.size() < depth_) {
            at = at == 0 ? now() : at;
            bool cold = false;
            const std::string* request = !once_ && at >= end_ ? nullptr : next(cold);
            if (request == nullptr) {
                over_ = true;
                break;
            }
            connection.out += *request;
            connection.sent.push_back({at, cold});
            ++sent_;
        }
        if (connection.out.empty()) {
            return;
        }
        const ssize_t wrote = ::write(connection.fd, connection.out.data(), connection.out.size());
        if (wrote < 0 && errno != EAGAIN) {
            fail("cannot write");
        }
        connection.out.erase(0, wrote > 0 ? static_cast<std::size_t>(wrote) : 0);
        if (connection.writing != !connection.out.empty()) {
            connection.writing = !connection.out.empty();
            epoll_event event{};
            event.events = EPOLLIN | (connection.writing ? EPOLLOUT : 0U);
            event.data.u64 = static_cast<std::uint64_t>(&connection - connections_.data());
            ::epoll_ctl(poll_, EPOLL_CTL_MOD, connection.fd, &event);
        }
    }

    void receive(Connection& connection) {
        const ssize_t got = ::read(connection.fd, buffer_.data(), buffer_.size());
        if (got < 0 && errno == EAGAIN) {
            return;
        }
        if (got <= 0) {
            fail("the server closed a connection");
        }
        std::string& in = connection.in;
        in.append(buffer_.data(), static_cast<std::size_t>(got));
        const Nanoseconds at = now();
        std::size_t begin = 0;
        while (true) {
            const std::size_t colon = in.find(':', begin);
            const std::size_t length = colon == std::string::npos ? 0 : std::strtoul(in.c_str() + begin, nullptr, 10);
            if (colon == std::string::npos || in.size() < colon + length + 2) {
                break;
            }
            if (connection.sent.empty()) {
                fail("an answer too many");
            }
            const Sent sent = connection.sent.front();
            connection.sent.pop_front();
            (sent.cold ? colds_ : hits_).add(at - sent.at);
            count(std::string_view(in).substr(colon + 1, length));
            ++done_;
            begin = colon + length + 2;
        }
        in.erase(0, begin);
    }

    void count(std::string_view payload) {
        const std::string_view kind = payload.substr(0, payload.find(' '));
        const auto found = kinds_.find(kind);
        if (found != kinds_.end()) {
            ++found->second;
        } else {
            kinds_.emplace(kind, 1);
        }
    }

    std::size_t depth_;
    unsigned cold_percent_;
    bool once_;
    Nanoseconds duration_;
    pid_t pid_;
    std::vector<std::string> requests_;
    std::vector<std::string> cold_requests_;
    std::vector<Connection> connections_;
    int poll_ = ::epoll_create1(EPOLL_CLOEXEC);

    std::minstd_rand random_{static_cast<unsigned>(now())};
    std::size_t at_ = 0;
    std::size_t cold_at_ = 0;
    Nanoseconds end_ = 0;
    bool over_ = false;
    std::uint64_t sent_ = 0;
    std::uint64_t done_ = 0;
    Nanoseconds elapsed_ = 0;
    Nanoseconds server_cpu_ = 0;
    Latencies hits_;
    Latencies colds_;
    std::map<std::string, std::uint64_t, std::less<>> kinds_;
    std::array<char, 65536> buffer_{};
};

}  // namespace

int main(int argc, char** argv) {
    Options options;
    for (int i = 2; i < argc; ++i) {
        const std::string word = argv[i];
        const std::size_t equals = word.find('=');
        options.values[word.substr(0, equals)] = word.substr(equals + 1);
    }
    if (argc < 2 || options.text("domains").empty()) {
        std::fprintf(stderr, "usage: socketmap_load PORT domains=FILE [key=value ...]\n");
        return 2;
    }
    Load load(static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10)), options);
    load.run();
    load.print();
    return 0;
}
