// The floor of a collector: reads unix datagrams and does nothing else, as a thread that must not lose any would.
//
//     datagram_floor PATH
//
// Says "ready"; at SIGTERM prints one line of JSON: {"received": N}.

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: datagram_floor PATH\n", stderr);
        return 2;
    }
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, nullptr);
    const int signals = ::signalfd(-1, &ending, 0);

    const int reader = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
    ::unlink(argv[1]);
    if (::bind(reader, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        std::perror(argv[1]);
        return 2;
    }

    constexpr std::size_t batch = 32;
    constexpr std::size_t datagram_bytes_max = 256 * 1024;
    const std::unique_ptr<char[]> buffers(new char[batch * datagram_bytes_max]);
    std::array<iovec, batch> vectors{};
    std::array<mmsghdr, batch> messages{};
    for (std::size_t i = 0; i < batch; ++i) {
        vectors[i] = {buffers.get() + i * datagram_bytes_max, datagram_bytes_max};
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    std::puts("ready");
    std::fflush(stdout);
    unsigned long long received = 0;
    std::array<pollfd, 2> polled{{{reader, POLLIN, 0}, {signals, POLLIN, 0}}};
    while (polled[1].revents == 0) {
        ::poll(polled.data(), polled.size(), -1);
        for (int count = 0; (count = ::recvmmsg(reader, messages.data(), batch, MSG_DONTWAIT, nullptr)) > 0;) {
            received += static_cast<unsigned long long>(count);
        }
    }
    std::printf("{\"received\": %llu}\n", received);
    ::unlink(argv[1]);
    return 0;
}
