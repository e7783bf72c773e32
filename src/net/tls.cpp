#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstring>
#include <ctime>
#include <map>
#include <mutex>
#include <unordered_map>

#include "base/text.h"
#include "net/openssl.h"
#include "net/served_certificate.h"

namespace postseal::net {

namespace {

constexpr std::size_t shard_count = 64;
// Parsed certificates and keys take about 6.2 KB a name, their DER 1 KB, and parsing 50 us. This many names stay
// parsed.
constexpr std::size_t parsed_max_per_shard = 4096 / shard_count;
constexpr std::string_view acme_protocol = "acme-tls/1";

// A certificate that many names share: a CA's intermediate.
struct Intermediate {
    Bytes der;
    X509Ptr parsed;
};

}  // namespace

class CertificateStore::Issuers {
public:
    std::vector<std::shared_ptr<const Intermediate>> certificates;
    X509StackPtr stack{sk_X509_new_null()};  // the same
};

namespace {

struct Parsed {
    X509Ptr leaf;
    KeyPtr key;
    std::shared_ptr<const CertificateStore::Issuers> issuers;
};

struct Entry {
    Bytes leaf_der;
    Bytes key;
    bool sealed = false;  // `key` is what OpenKey opens, else DER
    std::shared_ptr<const CertificateStore::Issuers> issuers;
    TimePoint not_after;
};

KeyPtr parse_key(const Bytes& der) {
    const unsigned char* at = der.data();
    return KeyPtr(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
}

std::shared_ptr<const Parsed> parse(const Entry& entry, const std::string& name,
                                    const CertificateStore::OpenKey& open_key) {
    auto parsed = std::make_shared<Parsed>();
    parsed->issuers = entry.issuers;
    Bytes opened;
    if (entry.sealed) {
        auto key = open_key ? open_key(name, entry.key) : Result<Bytes>(Error{});
        if (!key) {
            return nullptr;
        }
        opened = std::move(*key);
    }
    ServedCertificate made = serve_certificate(entry.leaf_der, entry.sealed ? opened : entry.key);
    OPENSSL_cleanse(opened.data(), opened.size());
    parsed->leaf = std::move(made.leaf);
    parsed->key = std::move(made.key);
    return parsed->leaf && parsed->key ? parsed : nullptr;
}

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class T>
using ByName = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

}  // namespace

struct CertificateStore::Impl {
    struct Slot {
        std::shared_ptr<const Entry> entry;
        std::shared_ptr<const Parsed> parsed;  // null: not at the moment
        bool used = false;                     // since the clock's hand came by
    };
    struct Shard {
        mutable std::mutex mutex;
        ByName<Slot> names;
        std::vector<std::string> clock;  // names whose slot may be parsed, in the hand's order
        std::size_t hand = 0;
    };

    Shard& shard(std::string_view name) { return shards[TextHash{}(name) % shard_count]; }

    // For a handshake: ready to use, or null. `name` in lower case.
    std::shared_ptr<const Parsed> find(std::string_view name) {
        Shard& home = shard(name);
        std::shared_ptr<const Entry> entry;
        {
            const std::lock_guard lock(home.mutex);
            const auto found = home.names.find(name);
            if (found == home.names.end()) {
                return nullptr;
            }
            found->second.used = true;
            if (found->second.parsed) {
                return found->second.parsed;
            }
            entry = found->second.entry;
        }
        auto parsed = parse(*entry, std::string(name), open_key);
        const std::lock_guard lock(home.mutex);
        const auto found = home.names.find(name);
        if (parsed && found != home.names.end() && found->second.entry == entry && !found->second.parsed) {
            found->second.parsed = parsed;
            keep(home, std::string(name));
        }
        return parsed;
    }

    void put(const dns::Name& name, std::shared_ptr<const Entry> entry) {
        Shard& home = shard(name.text());
        const std::lock_guard lock(home.mutex);
        Slot& slot = home.names[name.text()];
        slot.entry = std::move(entry);
        slot.parsed.reset();
    }

    // Remembers that `name` is parsed, and forgets the parsed form of one that has not been used for a round.
    static void keep(Shard& home, std::string name) {
        if (home.clock.size() < parsed_max_per_shard) {
            home.clock.push_back(std::move(name));
            return;
        }
        for (std::size_t steps = 0; steps < 2 * home.clock.size(); ++steps) {
            home.hand = (home.hand + 1) % home.clock.size();
            const auto other = home.names.find(home.clock[home.hand]);
            if (other != home.names.end() && other->second.used && other->second.parsed) {
                other->second.used = false;
                continue;
            }
            if (other != home.names.end()) {
                other->second.parsed.reset();
            }
            break;
        }
        home.clock[home.hand] = std::move(name);
    }

    std::shared_ptr<const Intermediate> intern(const Bytes& der) {
        const Sha256 digest = sha256(der);
        const std::lock_guard lock(intermediates_mutex);
        std::weak_ptr<const Intermediate>& known = intermediates[digest];
        if (auto alive = known.lock()) {
            return alive;
        }
        auto made = std::make_shared<Intermediate>(Intermediate{der, parse_x509(der)});
        if (!made->parsed) {
            return nullptr;
        }
        known = made;
        return made;
    }

    // What is no certificate is left out.
    std::shared_ptr<const Issuers> issuers(const std::vector<Bytes>& ders) {
        auto fresh = std::make_shared<Issuers>();
        for (const Bytes& der : ders) {
            if (auto intermediate = intern(der)) {
                X509_up_ref(intermediate->parsed.get());
                sk_X509_push(fresh->stack.get(), intermediate->parsed.get());
                fresh->certificates.push_back(std::move(intermediate));
            }
        }
        const std::lock_guard lock(intermediates_mutex);
        std::erase_if(chains, [](const auto& one) { return one.expired(); });
        for (const auto& weak : chains) {
            if (auto known = weak.lock(); known && known->certificates == fresh->certificates) {
                return known;
            }
        }
        chains.push_back(fresh);
        return fresh;
    }

    // The checks that make a later handshake succeed.
    Result<std::shared_ptr<const Entry>> check(const dns::Name& name, CertificateAndKey certificate) {
        const std::string where = "certificate of " + name.text();
        if (certificate.chain_der.empty()) {
            return invalid_input(where, "empty");
        }
        const X509Ptr leaf = parse_x509(certificate.chain_der.front());
        if (!leaf) {
            return invalid_input(where, "not an X.509 certificate");
        }
        const KeyPtr key = parse_key(certificate.key_der);
        if (!key) {
            ERR_clear_error();
            return invalid_input(where, "the private key is unreadable");
        }
        const bool matches = X509_check_private_key(leaf.get(), key.get()) == 1;
        ERR_clear_error();
        if (!matches) {
            return invalid_input(where, "the private key is another certificate's");
        }
        const unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
        if (X509_check_host(leaf.get(), name.text().c_str(), name.text().size(), flags, nullptr) != 1) {
            return invalid_input(where, "does not cover that name");
        }
        auto entry = std::make_shared<Entry>();
        POSTSEAL_TRY(const CertificateSummary summary, summarize_certificate(certificate.chain_der.front()));
        entry->not_after = summary.not_after;
        entry->leaf_der = std::move(certificate.chain_der.front());
        entry->leaf_der.shrink_to_fit();
        // In the form that serve_certificate() is quick with.
        unsigned char* der = nullptr;
        const int size = i2d_PrivateKey(key.get(), &der);
        if (size <= 0) {
            return invalid_input(where, openssl_error("the private key cannot be encoded"));
        }
        entry->key.assign(der, der + size);
        OPENSSL_clear_free(der, static_cast<std::size_t>(size));
        for (std::size_t i = 1; i < certificate.chain_der.size(); ++i) {
            if (!intern(certificate.chain_der[i])) {
                return invalid_input(where,
                                     "number " + std::to_string(i + 1) + " of the chain is not an X.509 certificate");
            }
        }
        entry->issuers = issuers({certificate.chain_der.begin() + 1, certificate.chain_der.end()});
        return std::shared_ptr<const Entry>(std::move(entry));
    }

    std::array<Shard, shard_count> shards;
    std::mutex intermediates_mutex;
    std::map<Sha256, std::weak_ptr<const Intermediate>> intermediates;  // under its mutex
    std::vector<std::weak_ptr<const Issuers>> chains;                   // under the same: a handful
    OpenKey open_key;
    mutable std::mutex challenges_mutex;
    ByName<std::shared_ptr<const Parsed>> challenges;  // under its mutex
};

CertificateStore::CertificateStore() : impl_(std::make_unique<Impl>()) {}
CertificateStore::~CertificateStore() = default;

Result<void> CertificateStore::set(const dns::Name& name, CertificateAndKey certificate) {
    POSTSEAL_TRY(auto entry, impl_->check(name, std::move(certificate)));
    impl_->put(name, std::move(entry));
    return {};
}

void CertificateStore::load(const dns::Name& name, CertificateAndKey certificate, TimePoint not_after) {
    auto entry = std::make_shared<Entry>();
    if (!certificate.chain_der.empty()) {
        entry->leaf_der = std::move(certificate.chain_der.front());
        entry->issuers = impl_->issuers({certificate.chain_der.begin() + 1, certificate.chain_der.end()});
    }
    entry->key = std::move(certificate.key_der);
    entry->not_after = not_after;
    impl_->put(name, std::move(entry));
}

std::shared_ptr<const CertificateStore::Issuers> CertificateStore::intern(const std::vector<Bytes>& issuers_der) {
    return impl_->issuers(issuers_der);
}

void CertificateStore::set_open_key(OpenKey open_key) {
    impl_->open_key = std::move(open_key);
}

void CertificateStore::load(const dns::Name& name, Bytes leaf_der, std::shared_ptr<const Issuers> issuers,
                            Bytes sealed_key, TimePoint not_after) {
    auto entry = std::make_shared<Entry>();
    entry->leaf_der = std::move(leaf_der);
    entry->issuers = std::move(issuers);
    entry->key = std::move(sealed_key);
    entry->sealed = true;
    entry->not_after = not_after;
    impl_->put(name, std::move(entry));
}

void CertificateStore::remove(const dns::Name& name) {
    Impl::Shard& home = impl_->shard(name.text());
    const std::lock_guard lock(home.mutex);
    home.names.erase(name.text());
}

bool CertificateStore::contains(const dns::Name& name) const {
    return not_after(name).has_value();
}

std::optional<TimePoint> CertificateStore::not_after(const dns::Name& name) const {
    const Impl::Shard& home = impl_->shard(name.text());
    const std::lock_guard lock(home.mutex);
    const auto found = home.names.find(name.text());
    return found == home.names.end() ? std::nullopt : std::optional(found->second.entry->not_after);
}

std::size_t CertificateStore::size() const {
    std::size_t count = 0;
    for (const Impl::Shard& shard : impl_->shards) {
        const std::lock_guard lock(shard.mutex);
        count += shard.names.size();
    }
    return count;
}

Result<void> CertificateStore::set_acme_challenge(const dns::Name& name, CertificateAndKey certificate) {
    POSTSEAL_TRY(const auto entry, impl_->check(name, std::move(certificate)));
    auto parsed = parse(*entry, name.text(), {});
    if (!parsed) {
        return Error{Errc::internal, "certificate of " + name.text(), "cannot be parsed"};
    }
    const std::lock_guard lock(impl_->challenges_mutex);
    impl_->challenges[name.text()] = std::move(parsed);
    return {};
}

void CertificateStore::remove_acme_challenge(const dns::Name& name) {
    const std::lock_guard lock(impl_->challenges_mutex);
    impl_->challenges.erase(name.text());
}

// ---- PEM

Result<CertificateAndKey> certificate_from_pem(std::string_view chain_pem, std::string_view key_pem) {
    CertificateAndKey result;
    const BioPtr chain(BIO_new_mem_buf(chain_pem.data(), static_cast<int>(chain_pem.size())));
    while (true) {
        const X509Ptr certificate(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
        if (!certificate) {
            break;
        }
        result.chain_der.push_back(to_der(certificate.get()));
    }
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (!at_end || result.chain_der.empty()) {
        return invalid_input("certificate " + std::to_string(result.chain_der.size() + 1), "not a PEM certificate");
    }
    const BioPtr key_bio(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
    // Without a passphrase, and without asking a terminal for one.
    const auto no_passphrase = [](char*, int, int, void*) { return -1; };
    const KeyPtr key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, no_passphrase, nullptr));
    ERR_clear_error();
    unsigned char* der = nullptr;
    const int size = key ? i2d_PrivateKey(key.get(), &der) : 0;
    if (size <= 0) {
        return invalid_input("private key", "not a PEM private key, or one with a passphrase");
    }
    result.key_der.assign(der, der + size);
    OPENSSL_clear_free(der, static_cast<std::size_t>(size));
    return result;
}

// ---- handshakes

namespace {

struct Hello {
    std::string name;        // SNI in lower case; "" when absent or malformed
    bool acme_only = false;  // ALPN is exactly acme-tls/1
};

std::string_view extension(SSL* ssl, unsigned type) {
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, type, &data, &size) != 1) {
        return {};
    }
    return {reinterpret_cast<const char*>(data), size};
}

std::size_t u16(std::string_view bytes, std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])) << 8U |
           static_cast<unsigned char>(bytes[at + 1]);
}

Hello read_hello(SSL* ssl) {
    Hello hello;
    // RFC 6066 §3: length of the list, then type 0 (host_name), length, name. One name is all that anybody sends.
    const std::string_view sni = extension(ssl, TLSEXT_TYPE_server_name);
    if (sni.size() > 5 && u16(sni, 0) + 2 == sni.size() && sni[2] == 0 && u16(sni, 3) + 5 == sni.size()) {
        hello.name = to_lower(sni.substr(5));
    }
    // RFC 7301 §3.1: length of the list, then names with a byte of length each.
    const std::string_view alpn = extension(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation);
    hello.acme_only = alpn.size() == 3 + acme_protocol.size() && alpn.substr(3) == acme_protocol;
    return hello;
}

// Set on an SSL whose handshake is a tls-alpn-01 validation.
int acme_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

}  // namespace

struct TlsContext::Callbacks {
    // Before anything else of the ClientHello is looked at: the one place that sees SNI and ALPN together, and whose
    // alert is ours to choose.
    static int on_client_hello(SSL* ssl, int* alert, void* user) {
        auto& context = *static_cast<TlsContext*>(user);
        CertificateStore::Impl& store = context.store_->impl();
        const Hello hello = read_hello(ssl);
        std::shared_ptr<const Parsed> parsed;
        if (hello.acme_only && context.settings_.acme_tls_alpn) {
            const std::lock_guard lock(store.challenges_mutex);
            const auto found = store.challenges.find(hello.name);
            if (found != store.challenges.end()) {
                parsed = found->second;
                SSL_set_ex_data(ssl, acme_index(), &context);
            }
        } else {
            parsed = hello.name.empty() ? nullptr : store.find(hello.name);
            if (!parsed && context.settings_.unknown_name == TlsSettings::UnknownName::fallback) {
                parsed = store.find(context.settings_.fallback.text());  // STS-061
            }
        }
        if (!parsed) {
            *alert = SSL_AD_UNRECOGNIZED_NAME;  // HTTPS-017
            return SSL_CLIENT_HELLO_ERROR;
        }
        if (SSL_use_cert_and_key(ssl, parsed->leaf.get(), parsed->key.get(),
                                 parsed->issuers ? parsed->issuers->stack.get() : nullptr, 1) != 1) {
            *alert = SSL_AD_INTERNAL_ERROR;
            return SSL_CLIENT_HELLO_ERROR;
        }
        // OpenSSL looks at the certificate's extensions here, and misses SHA-1 in a library context without algorithms
        // (served_certificate.cpp). What it complains about and goes on without would look like a failed handshake.
        ERR_clear_error();
        return SSL_CLIENT_HELLO_SUCCESS;
    }

    static int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                       unsigned offered_size, void* user) {
        const auto& context = *static_cast<TlsContext*>(user);
        const bool acme = SSL_get_ex_data(ssl, acme_index()) != nullptr;
        if (!acme && !context.settings_.alpn_http) {
            return SSL_TLSEXT_ERR_NOACK;
        }
        const std::string_view wanted = acme ? acme_protocol : "http/1.1";
        for (unsigned at = 0; at < offered_size; at += offered[at] + 1U) {
            const std::string_view name(reinterpret_cast<const char*>(offered + at + 1), offered[at]);
            if (name == wanted) {
                *chosen = offered + at + 1;
                *chosen_size = offered[at];
                return SSL_TLSEXT_ERR_OK;
            }
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301 §3.2
    }
};

TlsContext::TlsContext(std::shared_ptr<CertificateStore> store, TlsSettings settings, ssl_ctx_st* context)
    : store_(std::move(store)), settings_(std::move(settings)), context_(context) {
    SSL_CTX_set_client_hello_cb(context_, &Callbacks::on_client_hello, this);
    SSL_CTX_set_alpn_select_cb(context_, &Callbacks::on_alpn, this);
}

TlsContext::~TlsContext() {
    SSL_CTX_free(context_);
}

Result<std::shared_ptr<TlsContext>> TlsContext::make(std::shared_ptr<CertificateStore> store, TlsSettings settings) {
    SslContextPtr context(SSL_CTX_new(TLS_server_method()));
    // AES-128 first: as good for a policy that anybody may read, and its SHA-256 takes half of what SHA-384 takes in a
    // handshake's two dozen derivations. Who has no AES in hardware asks for ChaCha20 first, and gets it.
    constexpr const char* suites = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context.get(), suites) != 1) {
        return Error{Errc::unavailable, "TLS", openssl_error("no context")};
    }
    // Clients are MTAs that come once: a ticket costs more than it ever saves.
    SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                           SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    return std::shared_ptr<TlsContext>(new TlsContext(std::move(store), std::move(settings), context.release()));
}

}  // namespace postseal::net
