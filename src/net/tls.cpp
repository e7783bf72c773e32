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

namespace postseal::net {

namespace {

constexpr std::size_t shard_count = 64;
// Parsed certificates and keys take about 6.5 KB a name, their DER 1.3 KB. This many names stay parsed.
constexpr std::size_t parsed_max_per_shard = 10'000 / shard_count;
constexpr std::string_view acme_protocol = "acme-tls/1";

// A certificate that many names share: a CA's intermediate.
struct Intermediate {
    Bytes der;
    X509Ptr parsed;
};

struct Parsed {
    X509Ptr leaf;
    KeyPtr key;
    X509StackPtr chain{sk_X509_new_null()};
};

struct Entry {
    Bytes leaf_der;
    Bytes key_der;
    int key_type = EVP_PKEY_NONE;
    std::vector<std::shared_ptr<const Intermediate>> chain;
    TimePoint not_after;
};

// PKCS #8 and PKCS #1 begin SEQUENCE, INTEGER 0; SEC 1 (RFC 5915) SEQUENCE, INTEGER 1, OCTET STRING. To be told the
// type spares OpenSSL from trying all decoders that it has.
int guess_key_type(const Bytes& der) {
    const bool short_form = der.size() > 5 && der[0] == 0x30 && der[1] < 0x80;
    return short_form && der[2] == 0x02 && der[3] == 1 && der[4] == 1 && der[5] == 0x04 ? EVP_PKEY_EC : EVP_PKEY_NONE;
}

KeyPtr parse_key(int type, const Bytes& der) {
    const unsigned char* at = der.data();
    const auto size = static_cast<long>(der.size());
    return KeyPtr(type == EVP_PKEY_NONE ? d2i_AutoPrivateKey(nullptr, &at, size)
                                        : d2i_PrivateKey(type, nullptr, &at, size));
}

std::shared_ptr<const Parsed> parse(const Entry& entry) {
    auto parsed = std::make_shared<Parsed>();
    parsed->leaf = parse_x509(entry.leaf_der);
    parsed->key = parse_key(entry.key_type, entry.key_der);
    for (const auto& intermediate : entry.chain) {
        X509_up_ref(intermediate->parsed.get());
        sk_X509_push(parsed->chain.get(), intermediate->parsed.get());
    }
    ERR_clear_error();
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
        auto parsed = parse(*entry);
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
        const KeyPtr key = parse_key(EVP_PKEY_NONE, certificate.key_der);
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
        entry->key_type = EVP_PKEY_get_base_id(key.get());
        // In the form that d2i_PrivateKey() takes without guessing.
        unsigned char* der = nullptr;
        const int size = i2d_PrivateKey(key.get(), &der);
        if (size <= 0) {
            return invalid_input(where, openssl_error("the private key cannot be encoded"));
        }
        entry->key_der.assign(der, der + size);
        OPENSSL_clear_free(der, static_cast<std::size_t>(size));
        for (std::size_t i = 1; i < certificate.chain_der.size(); ++i) {
            auto intermediate = intern(certificate.chain_der[i]);
            if (!intermediate) {
                return invalid_input(where,
                                     "number " + std::to_string(i + 1) + " of the chain is not an X.509 certificate");
            }
            entry->chain.push_back(std::move(intermediate));
        }
        return std::shared_ptr<const Entry>(std::move(entry));
    }

    std::array<Shard, shard_count> shards;
    std::mutex intermediates_mutex;
    std::map<Sha256, std::weak_ptr<const Intermediate>> intermediates;  // under its mutex
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
    for (std::size_t i = 0; i < certificate.chain_der.size(); ++i) {
        if (i == 0) {
            entry->leaf_der = std::move(certificate.chain_der[0]);
        } else if (auto intermediate = impl_->intern(certificate.chain_der[i])) {
            entry->chain.push_back(std::move(intermediate));
        }
    }
    entry->key_type = guess_key_type(certificate.key_der);
    entry->key_der = std::move(certificate.key_der);
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
    auto parsed = parse(*entry);
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
        if (SSL_use_cert_and_key(ssl, parsed->leaf.get(), parsed->key.get(), parsed->chain.get(), 1) != 1) {
            *alert = SSL_AD_INTERNAL_ERROR;
            return SSL_CLIENT_HELLO_ERROR;
        }
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
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1) {
        return Error{Errc::unavailable, "TLS", openssl_error("no context")};
    }
    // Clients are MTAs that come once: a ticket costs more than it ever saves.
    SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    return std::shared_ptr<TlsContext>(new TlsContext(std::move(store), std::move(settings), context.release()));
}

}  // namespace postseal::net
