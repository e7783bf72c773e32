// The keys that sign mailed reports (RFC 8460 §3, RFC 6376 §3.6; Ed25519: RFC 8463), sealed in the store, and the TXT
// record that publishes each.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/name.h"
#include "store/certificates.h"

namespace postseal::sender {

enum class DkimAlgorithm { rsa, ed25519 };
std::string_view to_string(DkimAlgorithm algorithm);  // as in the k= tag (RFC 6376 §3.6.1, RFC 8463 §4)

struct DkimKey {
    DkimAlgorithm algorithm = DkimAlgorithm::rsa;
    dns::Name domain;      // d=
    std::string selector;  // s=
    std::string pem;       // PKCS #8; never printed, never logged

    // "SELECTOR._domainkey.DOMAIN"
    [[nodiscard]] Result<dns::Name> record_name() const;
    // "v=DKIM1; k=rsa; s=tlsrpt; p=…"
    [[nodiscard]] Result<std::string> record_value() const;
};

// [reporter] dkim_domain and dkim_selector. The Ed25519 key has "SELECTOR-ed25519": RFC 8463 leaves it to the selector
// to tell the keys of a domain apart.
struct DkimIdentity {
    dns::Name domain;
    std::string selector;

    [[nodiscard]] std::string selector_of(DkimAlgorithm algorithm) const;
};

Result<DkimKey> generate_dkim_key(const DkimIdentity& identity, DkimAlgorithm algorithm);

// Those that there are, RSA first.
Result<std::vector<DkimKey>> stored_dkim_keys(store::Certificates& certificates, const DkimIdentity& identity);
// The same, after an RSA key was made where there was none: every verifier knows RSA, few know Ed25519, so that one is
// made only on the operator's word.
Result<std::vector<DkimKey>> dkim_keys(store::Certificates& certificates, const DkimIdentity& identity);
// The stored key, made now where there is none; of several processes at once, all get the same.
Result<DkimKey> dkim_key(store::Certificates& certificates, const DkimIdentity& identity, DkimAlgorithm algorithm);
Result<void> replace_dkim_key(store::Certificates& certificates, const DkimKey& key);

// What a verifier that finds `texts` (the TXT RRset, each record joined) at record_name() will think of the key's
// signatures: nothing, or why they do not count (RFC 6376 §6.1.2; RFC 8460 §3 for s=).
std::optional<std::string> problem_of_published(const DkimKey& key, const std::vector<std::string>& texts);

}  // namespace postseal::sender
