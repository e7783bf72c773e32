#include "net/dns_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "net/socket_address.h"
#include "net/stream_server.h"

namespace postseal::net {

namespace {

constexpr std::size_t batch = 64;
constexpr int rounds = 4;                      // per event, so that TCP gets its turn
constexpr std::size_t udp_query_bytes = 4096;  // longer ones are no queries

// One UDP socket on one poller.
class UdpListener final : public Poller::Watcher {
public:
    UdpListener(Socket socket, const DnsHandler& handler, bool any_address)
        : socket_(std::move(socket)), handler_(handler), any_address_(any_address) {
        for (std::size_t i = 0; i < batch; ++i) {
            Slot& slot = slots_[i];
            slot.in = {slot.query.data(), slot.query.size()};
            requests_[i].msg_hdr.msg_iov = &slot.in;
            requests_[i].msg_hdr.msg_iovlen = 1;
            requests_[i].msg_hdr.msg_name = &slot.client.any.storage;
            if (any_address_) {
                requests_[i].msg_hdr.msg_control = slot.control.data();
            }
        }
    }
    [[nodiscard]] int fd() const { return socket_.fd(); }

    void on_events(std::uint32_t /*events*/) override {
        for (int i = 0; i < rounds; ++i) {
            for (mmsghdr& request : requests_) {
                request.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
                request.msg_hdr.msg_controllen = any_address_ ? sizeof(Slot::control) : 0;
            }
            const int count = ::recvmmsg(socket_.fd(), requests_.data(), batch, MSG_DONTWAIT, nullptr);
            if (count <= 0) {
                return;  // nothing there, or an ICMP error of an earlier reply
            }
            answer(static_cast<std::size_t>(count));
            if (static_cast<std::size_t>(count) < batch) {
                return;
            }
        }
    }

private:
    struct Slot {
        std::array<std::uint8_t, udp_query_bytes> query{};
        SocketAddress client;
        alignas(cmsghdr) std::array<std::uint8_t, 64> control{};
        iovec in{};
        iovec out{};
        Bytes reply;
    };

    void answer(std::size_t count) {
        std::size_t replies = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const msghdr& request = requests_[i].msg_hdr;
            Slot& slot = slots_[i];
            // Port 0 cannot be answered; a datagram cut short is no query.
            if (requests_[i].msg_len == 0 || (request.msg_flags & MSG_TRUNC) != 0 || !slot.client.is_ip() ||
                slot.client.listen_address().port == 0) {
                continue;
            }
            slot.reply.clear();
            const DnsQuery query{ByteView(slot.query).first(requests_[i].msg_len), DnsQuery::Transport::udp,
                                 slot.client.ip()};
            if (!handler_(query, slot.reply) || slot.reply.empty()) {
                continue;
            }
            slot.out = {slot.reply.data(), slot.reply.size()};
            msghdr& reply = replies_[replies++].msg_hdr;
            reply = {};
            reply.msg_name = request.msg_name;
            reply.msg_namelen = request.msg_namelen;
            reply.msg_iov = &slot.out;
            reply.msg_iovlen = 1;
            if (any_address_) {  // the reply leaves from the address that the query came to
                reply.msg_control = request.msg_control;
                reply.msg_controllen = request.msg_controllen;
                forget_interface(reply);
            }
        }
        for (std::size_t sent = 0; sent < replies;) {
            const int done = ::sendmmsg(socket_.fd(), replies_.data() + sent, static_cast<unsigned>(replies - sent), 0);
            // A reply that cannot be sent (no route, full buffer) is skipped: the client asks again.
            sent += done > 0 ? static_cast<std::size_t>(done) : 1;
        }
    }

    // Routing chooses the way out; the interface that the query came in by need not be it.
    static void forget_interface(msghdr& message) {
        for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
            if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
                reinterpret_cast<in_pktinfo*>(CMSG_DATA(header))->ipi_ifindex = 0;
            } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
                auto* info = reinterpret_cast<in6_pktinfo*>(CMSG_DATA(header));
                if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr)) {
                    info->ipi6_ifindex = 0;
                }
            }
        }
    }

    Socket socket_;
    const DnsHandler& handler_;
    bool any_address_;
    std::vector<Slot> slots_{batch};
    std::array<mmsghdr, batch> requests_{};
    std::array<mmsghdr, batch> replies_{};
};

// RFC 7766, RFC 1035 §4.2.2: two bytes of length before each message.
class DnsOverTcp final : public StreamProtocol {
public:
    DnsOverTcp(const DnsHandler& handler, const DnsTransferHandler& transfers, dns::IpAddress client)
        : handler_(handler), transfers_(transfers), client_(client) {}

    Progress receive(std::string_view input, std::string& out, const StreamResume& /*resume*/) override {
        Progress progress;
        while (input.size() - progress.consumed >= 2) {
            const ByteView rest = as_bytes(input.substr(progress.consumed));
            const std::size_t size = static_cast<std::size_t>(rest[0]) << 8U | rest[1];
            if (size == 0) {
                progress.next = Next::close;
                return progress;
            }
            if (rest.size() < size + 2) {
                break;
            }
            const DnsQuery query{rest.subspan(2, size), DnsQuery::Transport::tcp, client_};
            progress.consumed += size + 2;
            if (auto transfer = transfers_ ? transfers_(query) : nullptr) {
                if (running_) {  // nobody needs two at once on one connection
                    progress.next = Next::close;
                    return progress;
                }
                running_ = std::move(transfer);
                continue;
            }
            reply_.clear();
            if (!handler_(query, reply_) || !put(out)) {
                progress.next = Next::close;
                return progress;
            }
        }
        return progress;
    }

    // RFC 5936 §4.1.1: answers to other questions may come between the messages of a transfer.
    bool produce(std::string& out) override {
        if (!running_) {
            return false;
        }
        reply_.clear();
        if (!running_->next(reply_) || !put(out)) {
            running_.reset();
            return false;
        }
        return true;
    }

private:
    bool put(std::string& out) {
        if (reply_.empty() || reply_.size() > 65535) {
            return false;
        }
        out.push_back(static_cast<char>(reply_.size() >> 8U));
        out.push_back(static_cast<char>(reply_.size() & 0xffU));
        out.append(as_text(reply_));
        return true;
    }

    const DnsHandler& handler_;
    const DnsTransferHandler& transfers_;
    dns::IpAddress client_;
    Bytes reply_;
    std::unique_ptr<DnsMessages> running_;
};

}  // namespace

struct DnsServer::Impl {
    Impl(PollerPool& its_pollers, DnsServerSettings its_settings, DnsHandler its_handler,
         DnsTransferHandler its_transfers)
        : pollers(its_pollers),
          settings(its_settings),
          handler(std::move(its_handler)),
          transfers(std::move(its_transfers)),
          tcp(pollers, tcp_settings(settings), [this](std::optional<dns::IpAddress> peer) {
              return std::make_unique<DnsOverTcp>(handler, transfers, peer.value_or(dns::IpAddress()));
          }) {}
    static StreamServerSettings tcp_settings(const DnsServerSettings& settings) {
        StreamServerSettings result;
        result.connections_max = settings.tcp_connections_max;
        result.idle_timeout = settings.tcp_idle_timeout;
        result.input_bytes_max = std::size_t{128} << 10;
        result.output_bytes_max = std::size_t{256} << 10;
        return result;
    }

    [[nodiscard]] Result<std::vector<Socket>> open_udp(const ListenAddress& address) const {
        std::vector<Socket> sockets;
        ListenAddress actual = address;
        for (std::size_t i = 0; i < pollers.size(); ++i) {
            POSTSEAL_TRY(Socket socket,
                         bind_datagram(actual, i == 0 ? Sharing::exclusive_then_shared : Sharing::reuse_port));
            POSTSEAL_TRY(actual, socket.local_address());
            const int bytes = static_cast<int>(settings.udp_receive_buffer_bytes);
            if (::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
                ::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
            }
            sockets.push_back(std::move(socket));
        }
        return sockets;
    }

    PollerPool& pollers;
    DnsServerSettings settings;
    DnsHandler handler;
    DnsTransferHandler transfers;
    StreamServer tcp;
    std::vector<std::pair<std::size_t, std::unique_ptr<UdpListener>>> udp;  // with the poller's number
    std::vector<ListenAddress> addresses;
};

DnsServer::DnsServer(PollerPool& pollers, DnsServerSettings settings, DnsHandler handler, DnsTransferHandler transfers)
    : impl_(std::make_unique<Impl>(pollers, settings, std::move(handler), std::move(transfers))) {}

DnsServer::~DnsServer() {
    for (auto& watched : impl_->udp) {
        Poller& poller = impl_->pollers[watched.first];
        std::unique_ptr<UdpListener>& listener = watched.second;
        poller.sync([&] {
            poller.remove(listener->fd(), *listener);
            listener.reset();
        });
    }
}

Result<void> DnsServer::listen(const ListenAddress& address) {
    if (address.kind != ListenAddress::Kind::ip) {
        return invalid_input(address.text(), "DNS needs an IP address and a port");
    }
    // Port 0: whatever UDP gets, TCP may find taken.
    for (int attempts_left = address.port == 0 ? 20 : 1;; --attempts_left) {
        POSTSEAL_TRY(std::vector<Socket> sockets, impl_->open_udp(address));
        POSTSEAL_TRY(const ListenAddress actual, sockets.front().local_address());
        const auto tcp = impl_->tcp.listen(actual);
        if (!tcp) {
            if (attempts_left > 1) {
                continue;
            }
            return tcp.error();
        }
        const bool any_address =
            std::ranges::all_of(actual.address.octets(), [](std::uint8_t octet) { return octet == 0; });
        for (std::size_t i = 0; i < sockets.size(); ++i) {
            auto listener = std::make_unique<UdpListener>(std::move(sockets[i]), impl_->handler, any_address);
            impl_->pollers[i].sync([&] { impl_->pollers[i].add(listener->fd(), EPOLLIN, *listener); });
            impl_->udp.emplace_back(i, std::move(listener));
        }
        impl_->addresses.push_back(actual);
        return {};
    }
}

std::vector<ListenAddress> DnsServer::addresses() const {
    return impl_->addresses;
}

}  // namespace postseal::net
