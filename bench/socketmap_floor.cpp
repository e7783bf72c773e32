// The floor for socketmap servers: one thread, epoll, a map from request to ready-made reply. Nothing that answers over
// a socket from a table in memory does less than this.
//
//     socketmap_floor PORT DOMAINS_FILE
//
// Every domain of the file (one a line) has the reply that an enforced policy with one MX host gives. Prints "ready".

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <unordered_map>

namespace {

std::string netstring(const std::string& payload) {
    return std::to_string(payload.size()) + ":" + payload + ",";
}

using Replies = std::unordered_map<std::string, std::string>;

Replies read_replies(const char* file) {
    Replies replies;
    std::ifstream domains(file);
    for (std::string domain; std::getline(domains, domain);) {
        replies["QUERY " + domain] = netstring("OK secure match=mx." + domain + " servername=hostname");
    }
    return replies;
}

int listen_on(std::uint16_t port) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(listener, 512) != 0) {
        std::perror("socketmap_floor");
        std::exit(2);
    }
    return listener;
}

// Takes the whole requests off the front of `input`, puts their replies into `out`.
void answer(const Replies& replies, std::string& input, std::string& out) {
    std::size_t at = 0;
    while (true) {
        const std::size_t colon = input.find(':', at);
        const std::size_t length = colon == std::string::npos ? 0 : std::strtoul(input.c_str() + at, nullptr, 10);
        if (colon == std::string::npos || input.size() < colon + length + 2) {
            break;
        }
        const auto found = replies.find(input.substr(colon + 1, length));
        out += found == replies.end() ? "9:NOTFOUND ," : found->second;
        at = colon + length + 2;
    }
    input.erase(0, at);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: socketmap_floor PORT DOMAINS_FILE\n");
        return 2;
    }
    const Replies replies = read_replies(argv[2]);
    const int listener = listen_on(static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10)));
    const int poll = ::epoll_create1(EPOLL_CLOEXEC);
    const auto watch = [poll](int fd) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        ::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    };
    watch(listener);
    std::puts("ready");
    std::fflush(stdout);

    std::array<epoll_event, 128> events{};
    std::array<char, 65536> buffer{};
    std::unordered_map<int, std::string> inputs;
    std::string out;
    while (true) {
        const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            const int fd = events.at(static_cast<std::size_t>(i)).data.fd;
            if (fd == listener) {
                const int client = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
                const int one = 1;
                ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                watch(client);
                continue;
            }
            const ssize_t got = ::read(fd, buffer.data(), buffer.size());
            if (got <= 0) {
                ::close(fd);
                inputs.erase(fd);
                continue;
            }
            std::string& input = inputs[fd];
            input.append(buffer.data(), static_cast<std::size_t>(got));
            out.clear();
            answer(replies, input, out);
            if (!out.empty() && ::write(fd, out.data(), out.size()) < 0) {
                ::close(fd);
                inputs.erase(fd);
            }
        }
    }
}
