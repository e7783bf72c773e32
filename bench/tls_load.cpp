// Senders that fetch a policy: for each a new TLS 1.3 connection, one GET, the end.
//
//     tls_load PORT PATTERN NAMES [count=N] [threads=N] [seed=N]
//
// PATTERN holds one %d, which becomes a number below NAMES: of the SNI and the Host. Prints {"fetches", "errors",
// "seconds", "p50_us", "p99_us", "bytes"}; an error is anything but a 200.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Options {
    int port = 0;
    std::string pattern;
    unsigned names = 1;
    int count = 1000;
    int threads = 8;
    unsigned seed = 1;
};

using Clock = std::chrono::steady_clock;

// Bytes of the answer; 0 is a failure.
std::size_t fetch(SSL_CTX* context, int port, const std::string& host) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // A reset at the end: thousands of connections in TIME_WAIT would take all ports.
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    const timeval patience{20, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    std::size_t total = 0;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        SSL* ssl = SSL_new(context);
        SSL_set_fd(ssl, fd);
        SSL_set_tlsext_host_name(ssl, host.c_str());
        const std::string request = "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " + host +
                                    "\r\nUser-Agent: tls_load\r\nConnection: close\r\n\r\n";
        std::array<char, 8192> buffer{};
        std::string begin;
        if (SSL_connect(ssl) == 1 && SSL_write(ssl, request.data(), static_cast<int>(request.size())) > 0) {
            int got = 0;
            while ((got = SSL_read(ssl, buffer.data(), buffer.size())) > 0) {
                begin.append(buffer.data(), static_cast<std::size_t>(std::min(got, 16)));
                total += static_cast<std::size_t>(got);
            }
        }
        if (begin.size() < 12 || begin.compare(9, 3, "200") != 0) {
            total = 0;
        }
        ERR_clear_error();
        SSL_free(ssl);
    }
    ::close(fd);
    return total;
}

int number_after(const char* word, const char* key, int otherwise) {
    const std::size_t size = std::strlen(key);
    return std::strncmp(word, key, size) == 0 ? std::atoi(word + size) : otherwise;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: tls_load PORT PATTERN NAMES [count=N] [threads=N] [seed=N]\n");
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    Options options;
    options.port = std::atoi(argv[1]);
    options.pattern = argv[2];
    options.names = static_cast<unsigned>(std::atoi(argv[3]));
    for (int i = 4; i < argc; ++i) {
        options.count = number_after(argv[i], "count=", options.count);
        options.threads = number_after(argv[i], "threads=", options.threads);
        options.seed = static_cast<unsigned>(number_after(argv[i], "seed=", static_cast<int>(options.seed)));
    }
    const std::size_t hole = options.pattern.find("%d");
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set1_groups_list(context, "X25519");

    std::atomic<int> next = 0;
    std::atomic<int> errors = 0;
    std::atomic<std::size_t> bytes = 0;
    std::mutex mutex;
    std::vector<double> all_us;
    std::vector<std::thread> threads;
    const auto begin = Clock::now();
    for (int i = 0; i < options.threads; ++i) {
        threads.emplace_back([&, i] {
            std::mt19937 random(options.seed * 7919 + static_cast<unsigned>(i));
            std::vector<double> us;
            while (next++ < options.count) {
                std::string host = options.pattern;
                if (hole != std::string::npos) {
                    host.replace(hole, 2, std::to_string(random() % options.names));
                }
                const auto start = Clock::now();
                const std::size_t got = fetch(context, options.port, host);
                us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
                errors += got == 0 ? 1 : 0;
                bytes += got;
            }
            const std::lock_guard lock(mutex);
            all_us.insert(all_us.end(), us.begin(), us.end());
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    std::sort(all_us.begin(), all_us.end());
    const auto quantile = [&](double share) {
        return all_us.empty() ? 0.0 : all_us[static_cast<std::size_t>(share * static_cast<double>(all_us.size() - 1))];
    };
    std::printf(
        "{\"fetches\": %zu, \"errors\": %d, \"seconds\": %.3f, \"p50_us\": %.0f, \"p99_us\": %.0f, \"bytes\": %zu}\n",
        all_us.size(), errors.load(), seconds, quantile(0.5), quantile(0.99), bytes.load());
    SSL_CTX_free(context);
    return 0;
}
