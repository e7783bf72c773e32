// Matching of a server's chain with its TLSA records. The rules of RFC 7671 (digest agility §9, trust anchors that the
// server does not send §5.2.2, bare keys §5.2.3) are OpenSSL's own: what it accepts here is what Postfix accepts.
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <memory>

#include "dane/tlsa.h"

namespace postseal::dane {

namespace {

constexpr std::size_t chain_length_max = 32;  // more than any server has a use for; OpenSSL's builder is not linear

template <auto free_function>
struct Free {
    template <class T>
    void operator()(T* object) const {
        free_function(object);
    }
};
using X509Ptr = std::unique_ptr<X509, Free<X509_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Free<SSL_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;
struct FreeStack {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
using StackPtr = std::unique_ptr<STACK_OF(X509), FreeStack>;

SslContextPtr make_context() {
    SslContextPtr context(SSL_CTX_new(TLS_client_method()));
    if (context && SSL_CTX_dane_enable(context.get()) <= 0) {
        context.reset();
    }
    return context;
}

// One for the program: it holds only OpenSSL's table of digests and is never changed after it was made.
SSL_CTX* dane_context() {
    static const SslContextPtr context = make_context();
    return context.get();
}

Match failed(MatchResult result, std::string detail) {
    return {result, {}, std::move(detail)};
}

MatchResult result_of(int error) {
    switch (error) {
        case X509_V_ERR_HOSTNAME_MISMATCH:
            return MatchResult::host_mismatch;
        case X509_V_ERR_CERT_HAS_EXPIRED:
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return MatchResult::expired;
        default:
            return MatchResult::no_match;
    }
}

// The record that OpenSSL settled on; it stays known when a later check of the same chain fails.
std::string matched_record(SSL* ssl) {
    SSL_set_verify_result(ssl, X509_V_OK);  // SSL_get0_dane_tlsa() answers only after a success of a handshake
    dns::TlsaData record;
    const unsigned char* data = nullptr;
    std::size_t length = 0;
    if (SSL_get0_dane_tlsa(ssl, &record.usage, &record.selector, &record.matching_type, &data, &length) < 0 ||
        data == nullptr) {
        return {};
    }
    record.association.assign(data, data + length);
    return record.text();
}

// The chain as OpenSSL takes it: leaf apart, everything (leaf too) as untrusted helpers.
struct Chain {
    X509* leaf = nullptr;  // owned by `all`
    StackPtr all;
};
Chain read_chain(std::span<const Bytes> chain_der) {
    Chain chain{nullptr, StackPtr(sk_X509_new_null())};
    for (const Bytes& der : chain_der.first(std::min(chain_der.size(), chain_length_max))) {
        const unsigned char* at = der.data();
        X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
        if (!certificate) {
            break;  // what follows an unreadable certificate can still not repair the chain above it
        }
        if (sk_X509_push(chain.all.get(), certificate.get()) == 0) {
            break;
        }
        X509* owned = certificate.release();
        if (chain.leaf == nullptr) {
            chain.leaf = owned;
        }
    }
    return chain;
}

std::size_t add_usable_records(SSL* ssl, std::span<const dns::TlsaData> rrset) {
    std::size_t added = 0;
    for (const dns::TlsaData& record : rrset) {
        if (usability(record) == Usability::usable &&
            SSL_dane_tlsa_add(ssl, record.usage, record.selector, record.matching_type, record.association.data(),
                              record.association.size()) > 0) {
            ++added;
        }
    }
    return added;
}

// RFC 7672 §3.2.3: any of the names will do; a wildcard is the whole first label, and CN counts only without DNS-IDs.
bool set_names(X509_VERIFY_PARAM* param, const ReferenceNames& names) {
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    // An empty name would switch OpenSSL's name check off.
    bool ok =
        !names.base_domain.is_root() && X509_VERIFY_PARAM_set1_host(param, names.base_domain.text().c_str(), 0) == 1;
    for (const dns::Name& name : names.next_hop) {
        ok = ok && !name.is_root() && X509_VERIFY_PARAM_add1_host(param, name.text().c_str(), 0) == 1;
    }
    return ok;
}

}  // namespace

Match match_chain(std::span<const dns::TlsaData> rrset, std::span<const Bytes> chain_der, const ReferenceNames& names,
                  TimePoint now) {
    const Chain chain = read_chain(chain_der);
    if (chain.leaf == nullptr) {
        return failed(demand(rrset) == Demand::authentication ? MatchResult::no_match : MatchResult::unusable,
                      "the server sent no readable certificate");
    }
    const SslPtr ssl(dane_context() != nullptr ? SSL_new(dane_context()) : nullptr);
    const StorePtr no_roots(X509_STORE_new());  // RFC 7672 §3.1: the public roots play no part in usages 2 and 3
    const StoreContextPtr context(X509_STORE_CTX_new());
    if (!ssl || !no_roots || !context || SSL_dane_enable(ssl.get(), nullptr) <= 0) {
        return failed(MatchResult::no_match, "OpenSSL could not set up DANE verification");
    }
    if (add_usable_records(ssl.get(), rrset) == 0) {
        return failed(MatchResult::unusable, "no usable TLSA record");
    }
    // RFC 7672 §3.1.1: DANE-EE(3) binds the key itself, names and dates are not looked at.
    SSL_dane_set_flags(ssl.get(), DANE_FLAG_NO_DANE_EE_NAMECHECKS);

    if (X509_STORE_CTX_init(context.get(), no_roots.get(), chain.leaf, chain.all.get()) != 1 ||
        X509_STORE_CTX_set_default(context.get(), "ssl_server") != 1) {
        return failed(MatchResult::no_match, "OpenSSL could not set up DANE verification");
    }
    X509_STORE_CTX_set0_dane(context.get(), SSL_get0_dane(ssl.get()));
    X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(now.time_since_epoch().count()));
    if (!set_names(param, names)) {
        return failed(MatchResult::no_match, "OpenSSL refused a reference name");
    }

    const bool verified = X509_verify_cert(context.get()) == 1;
    const int error = X509_STORE_CTX_get_error(context.get());
    const std::string record = matched_record(ssl.get());
    if (verified && !record.empty()) {
        return {MatchResult::matched, record, {}};
    }
    if (record.empty()) {  // nothing matched, whatever else OpenSSL found wrong on the way
        return failed(MatchResult::no_match, X509_verify_cert_error_string(error));
    }
    return {result_of(error), record, X509_verify_cert_error_string(error)};
}

}  // namespace postseal::dane
