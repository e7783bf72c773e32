// A certificate authority for the demo's small internet: the certificates of its MX hosts and of Pebble's own HTTPS.
// (The policy hosts' certificates come from Pebble, by ACME.) It lives as long as the demo; its key never leaves
// memory.
#pragma once

#include <string>

#include "base/result.h"
#include "dns/name.h"
#include "hosting/acme_jws.h"
#include "net/openssl.h"
#include "net/tls.h"

namespace postseal::app {

struct DemoCertificate {
    std::string chain_pem;
    std::string key_pem;
    // For a net::CertificateStore.
    [[nodiscard]] Result<net::CertificateAndKey> loaded() const;
};

class DemoCa {
public:
    static Result<DemoCa> make();
    [[nodiscard]] const std::string& root_pem() const { return root_pem_; }
    enum class Validity { now, over };  // over: it ended yesterday
    // For one dNSName, from 60 days ago (the demo's clock starts in the past), for 180 days unless it is over.
    [[nodiscard]] Result<DemoCertificate> issue(const std::string& host, Validity validity = Validity::now) const;

private:
    explicit DemoCa(hosting::AcmeKey key) : key_(std::move(key)) {}
    hosting::AcmeKey key_;
    std::string name_;
    std::string root_pem_;
};

}  // namespace postseal::app
