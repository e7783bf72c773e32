#include "net/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <sstream>

#include "base/text.h"
#include "dns/record.h"
#include "net/openssl.h"

namespace postseal::net {

std::string_view to_string(CertificateError error) {
    switch (error) {
        case CertificateError::none:
            return "none";
        case CertificateError::expired:
            return "expired";
        case CertificateError::not_yet_valid:
            return "not-yet-valid";
        case CertificateError::host_mismatch:
            return "host-mismatch";
        case CertificateError::untrusted:
            return "untrusted";
        case CertificateError::other:
            return "other";
    }
    return "";
}

CertificateError certificate_error(long openssl_verify_result) {
    switch (openssl_verify_result) {
        case X509_V_OK:
            return CertificateError::none;
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return CertificateError::expired;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return CertificateError::not_yet_valid;
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return CertificateError::host_mismatch;
        case X509_V_ERR_OUT_OF_MEM:
        case X509_V_ERR_UNSPECIFIED:
            return CertificateError::other;
        default:
            return CertificateError::untrusted;
    }
}

// ---- openssl.h

std::string openssl_error(std::string_view otherwise) {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
    return reason != nullptr ? std::string(reason) : std::string(otherwise);
}

X509Ptr parse_x509(ByteView der) {
    const unsigned char* at = der.data();
    X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    if (certificate && at != der.data() + der.size()) {
        certificate.reset();
    }
    ERR_clear_error();
    return certificate;
}

Bytes to_der(const X509* certificate) {
    unsigned char* buffer = nullptr;
    const int size = i2d_X509(certificate, &buffer);
    if (size <= 0) {
        return {};
    }
    Bytes der(buffer, buffer + size);
    OPENSSL_free(buffer);
    return der;
}

int verify_certificate(X509* leaf, STACK_OF(X509) * untrusted, const TrustStore& trust, const std::string& host,
                       std::optional<TimePoint> at) {
    const std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
    if (X509_STORE_CTX_init(context.get(), trust.native(), leaf, untrusted) != 1) {
        return X509_V_ERR_UNSPECIFIED;
    }
    X509_STORE_CTX_set_default(context.get(), "ssl_server");
    X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
    if (at) {
        X509_VERIFY_PARAM_set_time(parameters, at->time_since_epoch().count());
    }
    if (dns::IpAddress::parse(host)) {
        X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str());
    } else if (!host.empty()) {
        // STS-046, HTTPS-004: SAN only. STS-047, HTTPS-005: a wildcard is a whole label.
        X509_VERIFY_PARAM_set_hostflags(parameters,
                                        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size());
    }
    X509_verify_cert(context.get());
    const int result = X509_STORE_CTX_get_error(context.get());
    ERR_clear_error();
    return result;
}

// ---- summary

namespace {

std::string one_line(const X509_NAME* name) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return size > 0 ? printable({text, static_cast<std::size_t>(size)}, 300) : std::string();
}

Result<TimePoint> to_time(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        return invalid_input("certificate", "unreadable validity date");
    }
    return TimePoint(Seconds(timegm(&parts)));
}

}  // namespace

Result<CertificateSummary> summarize_certificate(ByteView der) {
    const X509Ptr certificate = parse_x509(der);
    if (!certificate) {
        return invalid_input("certificate", "not an X.509 certificate");
    }
    return summarize_certificate(certificate.get());
}

Result<CertificateSummary> summarize_certificate(const X509* certificate) {
    CertificateSummary summary;
    POSTSEAL_TRY(summary.not_before, to_time(X509_get0_notBefore(certificate)));
    POSTSEAL_TRY(summary.not_after, to_time(X509_get0_notAfter(certificate)));
    summary.subject = one_line(X509_get_subject_name(certificate));
    summary.issuer = one_line(X509_get_issuer_name(certificate));
    auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS) {
            const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
            summary.names.push_back(
                printable({text, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))}, 300));
        }
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return summary;
}

// ---- trust

Result<std::shared_ptr<const TrustStore>> TrustStore::from_pem(std::string_view pem) {
    const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    X509_STORE* store = X509_STORE_new();
    std::shared_ptr<TrustStore> trust(new TrustStore(store, 0));
    while (true) {
        const X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
        if (!certificate) {
            break;
        }
        X509_STORE_add_cert(store, certificate.get());  // a duplicate is no error
        ++trust->size_;
    }
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (!at_end) {
        return invalid_input("certificate " + std::to_string(trust->size_ + 1), "damaged PEM block");
    }
    if (trust->size_ == 0) {
        return invalid_input("", "no certificate in PEM form");
    }
    return std::shared_ptr<const TrustStore>(std::move(trust));
}

Result<std::shared_ptr<const TrustStore>> TrustStore::load(const std::string& ca_file) {
    std::ifstream file(ca_file, std::ios::binary);
    std::ostringstream text;
    if (!file || !(text << file.rdbuf())) {
        return Error{Errc::unavailable, "ca_file", "cannot read " + printable(ca_file)};
    }
    auto trust = from_pem(text.str());
    if (!trust) {
        return invalid_input("ca_file " + printable(ca_file), trust.error().message());
    }
    return trust;
}

TrustStore::~TrustStore() {
    X509_STORE_free(store_);
}

CertificateError verify_chain(std::span<const Bytes> chain_der, const TrustStore& trust, const dns::Name& host,
                              TimePoint now, std::string* detail) {
    const auto explain = [&](std::string text) {
        if (detail != nullptr) {
            *detail = std::move(text);
        }
    };
    const X509StackPtr chain(sk_X509_new_null());
    for (const Bytes& der : chain_der) {
        X509Ptr certificate = parse_x509(der);
        if (!certificate) {
            explain("not an X.509 certificate");
            return CertificateError::untrusted;
        }
        sk_X509_push(chain.get(), certificate.release());
    }
    if (sk_X509_num(chain.get()) == 0) {
        explain("no certificate");
        return CertificateError::untrusted;
    }
    const int result = verify_certificate(sk_X509_value(chain.get(), 0), chain.get(), trust, host.text(), now);
    explain(result == X509_V_OK ? "" : X509_verify_cert_error_string(result));
    return certificate_error(result);
}

}  // namespace postseal::net
