#include "sender/dkim_key.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "base/text.h"

namespace postseal::sender {

namespace {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

// RFC 8301 §3.2: signers should use no fewer; the record of a longer key fits no UDP answer of 512 octets.
constexpr unsigned rsa_bits = 2048;

Error failed(const DkimIdentity& identity, std::string what) {
    ERR_clear_error();
    return Error{Errc::internal, "DKIM key of " + identity.domain.text(), std::move(what)};
}

std::string secret_name(const dns::Name& domain, const std::string& selector) {
    return "dkim-key " + selector + "._domainkey." + domain.text();
}

Result<KeyPtr> parsed(const DkimKey& key) {
    const BioPtr bio(BIO_new_mem_buf(key.pem.data(), static_cast<int>(key.pem.size())), BIO_free_all);
    KeyPtr found(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    if (!found) {
        return failed({key.domain, key.selector}, "what is stored is no private key");
    }
    return found;
}

// RFC 6376 §3.6.1: SubjectPublicKeyInfo for RSA; RFC 8463 §4: the 32 octets themselves.
Result<Bytes> public_part(const DkimKey& key) {
    POSTSEAL_TRY(const KeyPtr parsed_key, parsed(key));
    if (key.algorithm == DkimAlgorithm::ed25519) {
        Bytes raw(32);
        std::size_t size = raw.size();
        if (EVP_PKEY_get_raw_public_key(parsed_key.get(), raw.data(), &size) != 1 || size != raw.size()) {
            return failed({key.domain, key.selector}, "what is stored is no Ed25519 key");
        }
        return raw;
    }
    const int size = i2d_PUBKEY(parsed_key.get(), nullptr);
    Bytes der(size > 0 ? static_cast<std::size_t>(size) : 0);
    unsigned char* at = der.data();
    if (size <= 0 || i2d_PUBKEY(parsed_key.get(), &at) != size) {
        return failed({key.domain, key.selector}, "its public part cannot be written");
    }
    return der;
}

std::string without_blanks(std::string_view text) {
    std::string out;
    std::copy_if(text.begin(), text.end(), std::back_inserter(out),
                 [](char c) { return c != ' ' && c != '\t' && c != '\r' && c != '\n'; });
    return out;
}

// RFC 6376 §3.2: tag=value, separated by ";"; blanks round both mean nothing. A tag that is there twice makes the list
// invalid, and so does a piece without "=": nothing then.
std::optional<std::map<std::string, std::string>> tags_of(std::string_view record) {
    std::map<std::string, std::string> tags;
    while (!record.empty()) {
        const std::size_t end = std::min(record.find(';'), record.size());
        const std::string_view piece = record.substr(0, end);
        record.remove_prefix(std::min(end + 1, record.size()));
        if (without_blanks(piece).empty()) {
            if (record.empty()) {
                break;  // one ";" at the end is allowed
            }
            return std::nullopt;
        }
        const std::size_t equals = piece.find('=');
        if (equals == std::string_view::npos ||
            !tags.emplace(without_blanks(piece.substr(0, equals)), without_blanks(piece.substr(equals + 1))).second) {
            return std::nullopt;
        }
    }
    return tags;
}

bool serves_reports(const std::string& services) {  // "email:tlsrpt"
    std::string_view rest = services;
    while (true) {
        const std::size_t end = std::min(rest.find(':'), rest.size());
        const std::string_view service = rest.substr(0, end);
        if (service == "*" || service == "tlsrpt") {
            return true;
        }
        if (end == rest.size()) {
            return false;
        }
        rest.remove_prefix(end + 1);
    }
}

}  // namespace

std::string_view to_string(DkimAlgorithm algorithm) {
    return algorithm == DkimAlgorithm::rsa ? "rsa" : "ed25519";
}

Result<dns::Name> DkimKey::record_name() const {
    return dns::Name::parse_ascii(selector + "._domainkey." + domain.text());
}

Result<std::string> DkimKey::record_value() const {
    POSTSEAL_TRY(const Bytes raw, public_part(*this));
    // RFC 8460 §3: the key record should have the service type "tlsrpt".
    return fmt::format("v=DKIM1; k={}; s=tlsrpt; p={}", to_string(algorithm), to_base64(raw));
}

std::string DkimIdentity::selector_of(DkimAlgorithm algorithm) const {
    return algorithm == DkimAlgorithm::rsa ? selector : selector + "-ed25519";
}

Result<DkimKey> generate_dkim_key(const DkimIdentity& identity, DkimAlgorithm algorithm) {
    const KeyPtr key(
        algorithm == DkimAlgorithm::rsa ? EVP_RSA_gen(rsa_bits) : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"),
        EVP_PKEY_free);
    const BioPtr bio(BIO_new(BIO_s_mem()), BIO_free_all);
    if (!key || PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
        return failed(identity, "it could not be made");
    }
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return DkimKey{algorithm, identity.domain, identity.selector_of(algorithm),
                   std::string(data, static_cast<std::size_t>(size))};
}

Result<std::vector<DkimKey>> stored_dkim_keys(store::Certificates& certificates, const DkimIdentity& identity) {
    std::vector<DkimKey> keys;
    for (const DkimAlgorithm algorithm : {DkimAlgorithm::rsa, DkimAlgorithm::ed25519}) {
        const std::string selector = identity.selector_of(algorithm);
        POSTSEAL_TRY(auto pem, certificates.secret(secret_name(identity.domain, selector)));
        if (pem) {
            keys.push_back({algorithm, identity.domain, selector, std::move(*pem)});
        }
    }
    return keys;
}

Result<std::vector<DkimKey>> dkim_keys(store::Certificates& certificates, const DkimIdentity& identity) {
    POSTSEAL_TRY(auto keys, stored_dkim_keys(certificates, identity));
    if (keys.empty() || keys.front().algorithm != DkimAlgorithm::rsa) {
        POSTSEAL_TRY(const DkimKey made, dkim_key(certificates, identity, DkimAlgorithm::rsa));
        keys.insert(keys.begin(), made);
    }
    return keys;
}

Result<DkimKey> dkim_key(store::Certificates& certificates, const DkimIdentity& identity, DkimAlgorithm algorithm) {
    POSTSEAL_TRY(DkimKey key, generate_dkim_key(identity, algorithm));
    POSTSEAL_TRY(key.pem, certificates.secret_or(secret_name(key.domain, key.selector), key.pem));
    return key;
}

Result<void> replace_dkim_key(store::Certificates& certificates, const DkimKey& key) {
    return certificates.put_secret(secret_name(key.domain, key.selector), key.pem);
}

std::optional<std::string> problem_of_published(const DkimKey& key, const std::vector<std::string>& texts) {
    if (texts.empty()) {
        return "no key is published there";
    }
    if (texts.size() > 1) {
        return "several records are published there";  // RFC 6376 §3.6.2.2: the result is undefined
    }
    const auto tags = tags_of(texts.front());
    if (!tags) {
        return "the record there is no list of tags";
    }
    const auto value_of = [&](const char* tag, const char* otherwise) {
        const auto found = tags->find(tag);
        return found == tags->end() ? std::string(otherwise) : found->second;
    };
    if (value_of("v", "DKIM1") != "DKIM1") {
        return "the record there is no DKIM key";
    }
    if (value_of("k", "rsa") != to_string(key.algorithm)) {
        return "the key published there is of another type";
    }
    const auto own = public_part(key);
    if (!own || value_of("p", "") != to_base64(*own)) {
        return "another key is published there";
    }
    if (!serves_reports(value_of("s", "*"))) {
        return "the record's s= does not name tlsrpt";
    }
    return std::nullopt;
}

}  // namespace postseal::sender
