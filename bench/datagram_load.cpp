// Tells a collector of sessions, as libtlsrpt does: one JSON object a datagram.
//
//     datagram_load PATH key=value …
//       count=N             datagrams to send
//       domains=N           different policy domains, in turn
//       failures=N          of a hundred sessions failed
//       distinct=1          each datagram names a domain, a policy and a failure of its own, whatever `domains` says
//       rate=N              so many a second, each from a socket of its own and without waiting, as Postfix does: what
//                           the queue does not take is lost. Without a rate: as fast as the reader takes them, none
//                           lost
//       base=N              the number of the first domain
//
// Prints one line of JSON: {"sent": N, "lost": N, "seconds": S, "bytes": per datagram}.

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <string>
#include <vector>

namespace {

using Nanoseconds = std::uint64_t;
constexpr Nanoseconds second = 1'000'000'000;

Nanoseconds now() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<Nanoseconds>(time.tv_sec) * second + static_cast<Nanoseconds>(time.tv_nsec);
}

std::string datagram(long number, bool failed) {
    const std::string domain = "d" + std::to_string(number) + ".example.test";
    const std::string mx = "mx." + domain;
    std::string text = R"({"dpv": "1","d": ")" + domain + R"(","pr": "v=TLSRPTv1; rua=mailto:tlsrpt@)" + domain +
                       R"(","policies":[{"policy-type":2,"policy-domain": ")" + domain +
                       R"(","policy-string":["version: STSv1","mode: enforce","mx: )" + mx +
                       R"(","max_age: 604800"],"mx-host":[")" + mx + R"("],)";
    if (failed) {
        text += R"("failure-details":[{"c":203,"s": "192.0.2.1","n": ")" + mx + R"(","h": "250-)" + mx +
                R"(\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n250 SMTPUTF8","r": "198.51.100.25",)" +
                R"("f": "self-signed_certificate"}],"t":1,"f":1}]})";
    } else {
        text += R"("t":0,"f":0}]})";
    }
    return text;
}

}  // namespace

int main(int argc, char** argv) {
    std::map<std::string, long> options{{"count", 100'000}, {"domains", 1000}, {"failures", 10},
                                        {"distinct", 0},    {"rate", 0},       {"base", 0}};
    for (int i = 2; i < argc; ++i) {
        const std::string word = argv[i];
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos || !options.contains(word.substr(0, equals))) {
            std::fprintf(stderr, "datagram_load: what is %s?\n", argv[i]);
            return 2;
        }
        options[word.substr(0, equals)] = std::strtol(word.c_str() + equals + 1, nullptr, 10);
    }
    if (argc < 2 || options["domains"] < 1) {
        std::fputs("usage: datagram_load PATH key=value …\n", stderr);
        return 2;
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
    const auto* target = reinterpret_cast<const sockaddr*>(&address);

    const long count = options["count"];
    const long domains = options["domains"];
    const long rate = options["rate"];
    const long base = options["base"];
    const bool distinct = options["distinct"] != 0;
    std::vector<std::string> ready;
    for (long i = 0; !distinct && i < domains; ++i) {
        ready.push_back(datagram(base + i, false));
        ready.push_back(datagram(base + i, true));
    }
    const int kept_open = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    if (rate == 0 && ::connect(kept_open, target, sizeof address) != 0) {
        std::perror(argv[1]);
        return 1;
    }
    std::uint64_t sent = 0;
    std::uint64_t lost = 0;
    std::uint64_t bytes = 0;
    const Nanoseconds started = now();
    for (long i = 0; i < count; ++i) {
        // Spread, so that a domain fails at times and not always.
        const bool failed = (i * 37 + i / domains) % 100 < options["failures"];
        const std::string made = distinct ? datagram(base + i, true) : std::string();
        const std::string& text = distinct ? made : ready[static_cast<std::size_t>(i % domains) * 2 + (failed ? 1 : 0)];
        bytes += text.size();
        if (rate == 0) {
            if (::send(kept_open, text.data(), text.size(), 0) < 0) {
                std::perror("send");
                return 1;
            }
            ++sent;
            continue;
        }
        const Nanoseconds due =
            started + static_cast<Nanoseconds>(static_cast<double>(i) * 1e9 / static_cast<double>(rate));
        for (Nanoseconds time = now(); time < due; time = now()) {
            constexpr Nanoseconds worth_sleeping = 200'000;
            if (due - time > worth_sleeping) {
                const timespec rest{0, static_cast<long>(due - time - worth_sleeping / 2)};
                ::nanosleep(&rest, nullptr);
            }
        }
        const int own = ::socket(AF_UNIX, SOCK_DGRAM, 0);
        if (::sendto(own, text.data(), text.size(), MSG_DONTWAIT, target, sizeof address) >= 0) {
            ++sent;
        } else if (errno == EAGAIN) {
            ++lost;
        } else {
            std::perror("sendto");
            return 1;
        }
        ::close(own);
    }
    const double seconds = static_cast<double>(now() - started) / 1e9;
    std::printf("{\"sent\": %llu, \"lost\": %llu, \"seconds\": %.3f, \"bytes\": %.0f}\n",
                static_cast<unsigned long long>(sent), static_cast<unsigned long long>(lost), seconds,
                static_cast<double>(bytes) / static_cast<double>(std::max(1L, count)));
    return 0;
}
