// The demo's sending mail server. It does what Postfix 3.10 does with `smtp_tls_policy_maps =
// socketmap:…:QUERYwithTLSRPT` and `smtp_tlsrpt_enable = yes`: for every letter it asks the running policy daemon,
// tries the MX hosts by preference with as much TLS as the answer demands, and tells the collector how each TLS session
// went, in a datagram as libtlsrpt writes it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/result.h"
#include "dns/name.h"
#include "net/listen_address.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "net/smtp_client.h"

namespace postseal::app {

// What the daemon's reply says (the words of Postfix's TLS policy table, and its TLSRPT attributes).
struct MailPolicy {
    std::string level;               // may (nothing was found), none, encrypt, secure, temp, …
    std::vector<std::string> match;  // "mx.example.com", ".example.com"
    bool sts = false;                // policy_type=sts
    std::string policy_domain;
    std::vector<std::string> mx_host_patterns;
    std::vector<std::string> policy_strings;
    [[nodiscard]] bool demands_tls() const { return level == "secure" || level == "encrypt"; }
};
// "OK secure match=a:.b servername=hostname policy_type=sts … { policy_string = … }", "NOTFOUND ", "TEMP reason".
MailPolicy parse_policy_reply(std::string_view reply);

// One session as libtlsrpt tells it; nothing when Postfix would not: no TLS was tried and none was demanded.
std::optional<std::string> session_datagram(const dns::Name& domain, const std::string& record, const dns::Name& mx,
                                            const net::SmtpDelivery& delivery, const net::SmtpDeliveryResult& result,
                                            const MailPolicy& policy);

struct DemoSenderSettings {
    net::ListenAddress policyd;
    std::string collector_socket;
    std::uint16_t smtp_port = 25;
    dns::Name host;  // its own name
    std::shared_ptr<const net::TrustStore> trust;
};

struct LetterOutcome {
    bool delivered = false;
    std::string policy;  // the daemon's reply up to its first attribute: "OK secure", "NOTFOUND"
    std::string how;     // "to mx.harbour.test over verified TLSv1.3", or why it waits
};

// Every call blocks until the letter is delivered or deferred. One thread at a time.
class DemoSender {
public:
    DemoSender(net::Loop& loop, net::Resolver& resolver, DemoSenderSettings settings);
    [[nodiscard]] LetterOutcome send(const dns::Name& domain);
    [[nodiscard]] std::uint64_t sessions_told() const { return sessions_told_; }  // datagrams that the socket took

private:
    [[nodiscard]] net::DnsAnswer resolve(const dns::Name& name, dns::Type type);
    [[nodiscard]] std::vector<dns::Name> mx_hosts(const dns::Name& domain);
    [[nodiscard]] std::string tlsrpt_record(const dns::Name& domain);
    [[nodiscard]] Result<std::string> ask_policyd(const dns::Name& domain) const;
    void tell_collector(const std::string& datagram);

    net::Loop& loop_;
    net::Resolver& resolver_;
    DemoSenderSettings settings_;
    std::mt19937 random_{std::random_device()()};
    std::uint64_t letters_ = 0;
    std::uint64_t sessions_told_ = 0;
};

}  // namespace postseal::app
