// The small internet around the demo, all of it on loopback: one name server that is the root and every zone below it
// (the product's own zone is a stub zone beside it), a resolver for Pebble and the sender, and two mail receivers, of
// which one does not know STARTTLS (RFC 3207). Its domains are those of the fiction `.test` (RFC 6761).
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/demo_ca.h"
#include "base/result.h"
#include "dns/record.h"
#include "dns/zone.h"
#include "net/dns_server.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "net/smtp_server.h"

namespace postseal::app {

// Every host has an address of its own, as outside; a port is the same on all of them.
struct DemoPlan {
    std::string name_server = "127.0.0.11";  // the root and everything that is not the product's
    std::string zone_server = "127.0.0.12";  // the product's zone
    std::string resolver = "127.0.0.53";     // for Pebble
    std::string good_mx = "127.0.0.21";      // offers STARTTLS
    std::string old_mx = "127.0.0.22";       // does not
    std::string policy_host = "127.0.0.40";
    std::string intake_host = "127.0.0.41";
    std::string operator_domain = "posthost.test";
    std::string zone = "sts.posthost.test";
    std::string intake_name = "intake.posthost.test";
    std::uint16_t dns_port = 0, smtp_port = 0, https_port = 0, http_port = 0;
    std::uint16_t acme_port = 0, acme_admin_port = 0;                  // Pebble, on localhost
    std::uint16_t panel_port = 0, policyd_port = 0, metrics_port = 0;  // the product, on 127.0.0.1

    // How anybody here looks names up: stub zones only, so that no question leaves the machine.
    [[nodiscard]] net::ResolverSettings resolver_settings() const;
};

class SmallInternet {
public:
    // The listeners answer when it returns. Errors name the address that is taken.
    static Result<std::unique_ptr<SmallInternet>> start(const DemoPlan& plan, const DemoCa& ca);
    SmallInternet(const SmallInternet&) = delete;
    SmallInternet& operator=(const SmallInternet&) = delete;
    ~SmallInternet();

    [[nodiscard]] net::Loop& loop() { return loops_[0]; }
    [[nodiscard]] net::Resolver& resolver() { return *resolver_; }

    // A domain whose mail goes to the good receiver, at mx.DOMAIN with a certificate for that name.
    Result<void> add_domain(const dns::Name& domain);
    // Gives the good receiver another certificate for the MX host of such a domain.
    Result<void> certify(const dns::Name& domain, DemoCa::Validity validity);
    // A domain with two MX hosts of equal preference: mx1.DOMAIN is the receiver without STARTTLS, mx2.DOMAIN the good
    // one, whose certificate is for another name.
    Result<void> add_old_domain(const dns::Name& domain);
    // The owner publishes the records that Postseal asks for.
    Result<void> publish_cname(const dns::Name& owner, const dns::Name& target);

    [[nodiscard]] std::uint64_t letters_received() const { return letters_.load(); }

private:
    SmallInternet(const DemoPlan& plan, const DemoCa& ca);
    Result<void> open();
    Result<std::unique_ptr<net::SmtpServer>> open_receiver(const std::string& address,
                                                           net::SmtpServerSettings settings);
    bool answer_recursive(const net::DnsQuery& query, Bytes& reply);

    const DemoPlan plan_;
    const DemoCa& ca_;
    std::atomic<std::uint64_t> letters_{0};
    std::shared_ptr<net::CertificateStore> certificates_ = std::make_shared<net::CertificateStore>();
    std::unique_ptr<dns::LiveZone> names_;
    net::LoopPool loops_;
    std::unique_ptr<net::Resolver> resolver_;
    net::PollerPool names_pollers_;
    net::PollerPool resolving_pollers_;  // threads of their own: they wait for answers of the name server
    std::unique_ptr<net::DnsServer> name_server_;
    std::unique_ptr<net::DnsServer> resolving_server_;
    std::vector<std::unique_ptr<net::SmtpServer>> receivers_;
};

}  // namespace postseal::app
