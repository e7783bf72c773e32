#include "hosting/zone_transfers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "dns/transfer.h"
#include "net/socket_address.h"

namespace postseal::hosting {

namespace {

using dns::TsigFault;
using dns::Type;

constexpr std::uint8_t opcode_notify = 4;

// Quick: whether it is worth looking for a TSIG. The one record that most queries carry is their OPT.
bool may_carry_tsig(ByteView message) {
    if (message.size() < dns::header_bytes) {
        return false;
    }
    const unsigned additional = static_cast<unsigned>(message[10]) << 8U | message[11];
    if (additional != 1) {
        return additional > 1;
    }
    std::size_t at = dns::header_bytes;
    while (at < message.size() && message[at] != 0 && message[at] < 64) {
        at += 1U + message[at];
    }
    at += 5;  // the name's end, type, class
    const bool opt = at + 3 <= message.size() && message[at] == 0 && message[at + 1] == 0 && message[at + 2] == 41;
    const bool only = message[6] == 0 && message[7] == 0 && message[8] == 0 && message[9] == 0;
    return !(opt && only);
}

Bytes lower(ByteView name) {
    Bytes out;
    std::ranges::transform(name, std::back_inserter(out), [](std::uint8_t octet) {
        return static_cast<std::uint8_t>(to_lower(static_cast<char>(octet)));
    });
    return out;
}

bool asks_for_transfer(const dns::Query& query) {
    return query.fault == dns::QueryFault::none && (query.type == Type::axfr || query.type == Type::ixfr);
}

// A transfer whose messages are signed, each (RFC 8945 §5.3.1 allows fewer; then a reader cannot tell where it went
// wrong).
class SignedTransfer final : public net::DnsMessages {
public:
    SignedTransfer(dns::Transfer transfer, const dns::TsigKey* key, Bytes request_mac, const Clock& clock)
        : transfer_(std::move(transfer)), key_(key), mac_(std::move(request_mac)), clock_(clock) {}

    bool next(Bytes& message) override {
        if (!transfer_.next(message)) {
            return false;
        }
        if (key_ != nullptr) {
            mac_ = dns::sign_tsig(message, *key_, mac_, clock_.now(),
                                  std::exchange(first_, false) ? dns::TsigCover::all : dns::TsigCover::timers);
        }
        return true;
    }

private:
    dns::Transfer transfer_;
    const dns::TsigKey* key_;
    Bytes mac_;
    const Clock& clock_;
    bool first_ = true;
};

}  // namespace

// The NOTIFY messages under way.
struct ZoneTransfers::Notifier {
    using Steady = std::chrono::steady_clock;
    struct Told {
        std::uint32_t serial = 0;  // that it was told of last
        std::uint16_t id = 0;
        Bytes mac;
        int attempts = 0;  // 0: nothing under way
        Steady::time_point next;
    };
    std::vector<Told> told;
    std::array<net::Socket, 2> sockets;  // IPv4, IPv6
};

ZoneTransfers::ZoneTransfers(TransferSettings settings, std::shared_ptr<const dns::LiveZone> zone, const Clock& clock,
                             Log& log)
    : settings_(std::move(settings)),
      zone_(std::move(zone)),
      clock_(clock),
      log_(log),
      notifier_(std::make_unique<Notifier>()) {
    notifier_->told.resize(settings_.secondaries.size());
}

ZoneTransfers::~ZoneTransfers() = default;

bool ZoneTransfers::may_transfer(const dns::IpAddress& client, const dns::TsigKey* key) const {
    return std::ranges::any_of(settings_.secondaries, [&](const Secondary& one) {
        return one.address == client && (!one.key || (key != nullptr && key->name == *one.key));
    });
}

net::DnsHandler ZoneTransfers::handler(net::DnsHandler plain) {
    return [this, plain = std::move(plain)](const net::DnsQuery& query, Bytes& reply) {
        const auto tsig =
            may_carry_tsig(query.message) ? dns::check_tsig(query.message, settings_.keys, clock_.now()) : std::nullopt;
        const bool udp = query.transport == net::DnsQuery::Transport::udp;
        const ByteView message = tsig && tsig->fault == TsigFault::none ? ByteView(tsig->stripped) : query.message;
        const dns::Query read = dns::read_query(message);
        if (read.fault == dns::QueryFault::not_a_query) {
            return false;
        }
        if (tsig && tsig->fault != TsigFault::none) {
            reply = dns::tsig_refusal(query.message, *tsig, clock_.now());
            return true;
        }
        // RFC 1995 §2: an IXFR over UDP that does not fit is answered with the SOA; the asker comes again over TCP.
        const bool ixfr = udp && read.fault == dns::QueryFault::none && read.type == Type::ixfr;
        const auto zone = ixfr && read.klass == dns::class_in && may_transfer(query.client, tsig ? tsig->key : nullptr)
                              ? zone_->current()
                              : nullptr;
        if (zone && zone->apex().to_wire() == lower(read.name)) {
            dns::Transfer soa(zone, read, zone->serial());
            if (!soa.next(reply)) {
                return false;
            }
        } else if (!plain({message, query.transport, query.client}, reply)) {
            return false;
        }
        if (tsig) {
            dns::sign_tsig(reply, *tsig->key, tsig->mac, clock_.now());
        }
        return true;
    };
}

net::DnsTransferHandler ZoneTransfers::transfers() {
    return [this](const net::DnsQuery& query) -> std::unique_ptr<net::DnsMessages> {
        if (!asks_for_transfer(dns::read_query(query.message))) {
            return nullptr;
        }
        const auto tsig = dns::check_tsig(query.message, settings_.keys, clock_.now());
        if (tsig && tsig->fault != TsigFault::none) {
            ++figures_.refused;
            return nullptr;  // handler() says what is wrong with it
        }
        const Bytes plain = tsig ? tsig->stripped : Bytes(query.message.begin(), query.message.end());
        const dns::Query read = dns::read_query(plain);
        auto zone = zone_->current();
        if (read.klass != dns::class_in || zone->apex().to_wire() != lower(read.name) ||
            !may_transfer(query.client, tsig ? tsig->key : nullptr)) {
            ++figures_.refused;
            return nullptr;  // REFUSED by handler()
        }
        const auto serial = read.type == Type::ixfr ? dns::ixfr_serial(plain) : std::nullopt;
        dns::Transfer transfer(std::move(zone), read, serial);
        const auto kind = transfer.kind();
        ++(kind == dns::Transfer::Kind::whole     ? figures_.whole
           : kind == dns::Transfer::Kind::changes ? figures_.changes
                                                  : figures_.up_to_date);
        return std::make_unique<SignedTransfer>(std::move(transfer), tsig ? tsig->key : nullptr,
                                                tsig ? tsig->mac : Bytes(), clock_);
    };
}

void ZoneTransfers::tick() {
    constexpr int attempts_max = 5;
    const auto zone = zone_->current();
    const auto now = Notifier::Steady::now();
    std::array<std::uint8_t, 4096> buffer{};
    for (const net::Socket& socket : notifier_->sockets) {
        for (ssize_t got = 0; socket.fd() >= 0 && got >= 0;) {
            net::SocketAddress from;
            socklen_t from_size = sizeof from.any.storage;
            got = ::recvfrom(socket.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT, from.generic(), &from_size);
            if (got < static_cast<ssize_t>(dns::header_bytes)) {
                continue;
            }
            const ByteView answer = ByteView(buffer).first(static_cast<std::size_t>(got));
            const dns::Header header = dns::read_header(answer).value();
            for (std::size_t i = 0; i < notifier_->told.size(); ++i) {
                Notifier::Told& told = notifier_->told[i];
                const Secondary& secondary = settings_.secondaries[i];
                const bool signed_well = !secondary.key || [&] {
                    const auto check = dns::check_tsig_answer(answer, settings_.keys, clock_.now(), told.mac);
                    return check && check->fault == TsigFault::none;
                }();
                if (told.attempts > 0 && header.response && header.opcode == opcode_notify && header.id == told.id &&
                    from.is_ip() && from.ip() == secondary.address && signed_well) {
                    told.attempts = 0;  // whatever it says: it has heard (RFC 1996 §4.8)
                }
            }
        }
    }
    for (std::size_t i = 0; i < notifier_->told.size(); ++i) {
        Notifier::Told& told = notifier_->told[i];
        const Secondary& secondary = settings_.secondaries[i];
        if (told.serial != zone->serial()) {
            told.serial = zone->serial();
            told.attempts = 0;
        } else if (told.attempts == 0) {
            continue;
        }
        if (told.attempts > 0 && now < told.next) {
            continue;
        }
        if (told.attempts == attempts_max) {
            told.attempts = 0;
            ++figures_.notifies_unanswered;
            log_.warning("dns", "secondary " + secondary.address.text() + " does not answer NOTIFY");
            continue;
        }
        net::Socket& socket = notifier_->sockets[secondary.address.is_v4() ? 0 : 1];
        if (socket.fd() < 0) {
            const auto any = secondary.address.is_v4() ? dns::IpAddress::v4({}) : dns::IpAddress::v6({});
            auto opened = net::bind_datagram(net::ListenAddress::ip(any, 0), net::Sharing::exclusive);
            if (!opened) {
                log_.warning("dns", "NOTIFY: " + opened.error().message());
                continue;
            }
            socket = std::move(*opened);
        }
        const Bytes random = random_bytes(2);
        told.id = static_cast<std::uint16_t>(random[0] << 8U | random[1]);
        dns::Header header;
        header.id = told.id;
        header.opcode = opcode_notify;
        header.authoritative = true;
        header.question_count = 1;
        Bytes message;
        append(message, dns::encode_header(header));
        append(message, zone->apex().to_wire());
        append_u16(message, static_cast<std::uint16_t>(Type::soa));
        append_u16(message, dns::class_in);
        if (secondary.key) {
            const auto key = std::ranges::find(settings_.keys, *secondary.key, &dns::TsigKey::name);
            told.mac = dns::sign_tsig(message, *key, {}, clock_.now());
        }
        const net::SocketAddress to(net::ListenAddress::ip(secondary.address, secondary.port));
        ::sendto(socket.fd(), message.data(), message.size(), MSG_DONTWAIT, to.generic(), to.size);
        ++figures_.notifies;
        told.next = now + std::chrono::seconds(1LL << told.attempts);
        ++told.attempts;
    }
}

}  // namespace postseal::hosting
