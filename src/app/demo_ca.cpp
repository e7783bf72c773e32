#include "app/demo_ca.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>

namespace postseal::app {

namespace {

using ExtensionPtr = std::unique_ptr<X509_EXTENSION, net::Freed<X509_EXTENSION_free>>;

constexpr std::time_t day_s = 86'400;

struct Wanted {
    std::string issuer;
    std::string subject;
    std::string names;  // subjectAltName; "" of the root
    bool ca = false;
    bool over = false;
};

bool add_extension(X509* certificate, int id, const char* value) {
    const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, nullptr, id, value));
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_common_name(X509_NAME* name, const std::string& text) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.c_str());
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, bytes, -1, -1, 0) == 1;
}

Result<std::string> make_certificate(const Wanted& wanted, const hosting::AcmeKey& key,
                                     const hosting::AcmeKey& signer) {
    const net::X509Ptr certificate(X509_new());
    X509* raw = certificate.get();
    std::uint64_t serial = 0;
    for (const std::uint8_t byte : random_bytes(7)) {  // below 2^63, so that it is positive
        serial = serial << 8U | byte;
    }
    const bool dated = ASN1_INTEGER_set_uint64(X509_get_serialNumber(raw), serial) == 1 &&
                       X509_gmtime_adj(X509_getm_notBefore(raw), -60 * day_s) != nullptr &&
                       X509_gmtime_adj(X509_getm_notAfter(raw), (wanted.over ? -1 : 120) * day_s) != nullptr;
    const bool named = set_common_name(X509_get_subject_name(raw), wanted.subject) &&
                       set_common_name(X509_get_issuer_name(raw), wanted.issuer);
    const char* constraints = wanted.ca ? "critical,CA:TRUE" : "critical,CA:FALSE";
    const bool made = dated && named && X509_set_version(raw, X509_VERSION_3) == 1 &&
                      X509_set_pubkey(raw, key.native()) == 1 &&
                      add_extension(raw, NID_basic_constraints, constraints) &&
                      (wanted.names.empty() || add_extension(raw, NID_subject_alt_name, wanted.names.c_str())) &&
                      X509_sign(raw, signer.native(), EVP_sha256()) > 0;
    const net::BioPtr bio(BIO_new(BIO_s_mem()));
    if (!made || PEM_write_bio_X509(bio.get(), raw) != 1) {
        return Error{Errc::internal, "the demo's certificate for " + wanted.subject, net::openssl_error("OpenSSL")};
    }
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return std::string(text, static_cast<std::size_t>(size));
}

}  // namespace

Result<net::CertificateAndKey> DemoCertificate::loaded() const {
    return net::certificate_from_pem(chain_pem, key_pem);
}

Result<DemoCa> DemoCa::make() {
    POSTSEAL_TRY(hosting::AcmeKey key, hosting::AcmeKey::generate());
    DemoCa ca(std::move(key));
    // A name of its own: in a folder that is kept, the roots of earlier demos are trusted as well, and OpenSSL finds a
    // root by its name.
    ca.name_ = "Demo CA " + to_hex(random_bytes(4));
    POSTSEAL_TRY(ca.root_pem_, make_certificate({ca.name_, ca.name_, "", true, false}, ca.key_, ca.key_));
    return ca;
}

Result<DemoCertificate> DemoCa::issue(const std::string& host, Validity validity) const {
    POSTSEAL_TRY(const hosting::AcmeKey key, hosting::AcmeKey::generate());
    POSTSEAL_TRY(std::string chain,
                 make_certificate({name_, host, "DNS:" + host, false, validity == Validity::over}, key, key_));
    return DemoCertificate{std::move(chain), key.to_pem()};
}

}  // namespace postseal::app
