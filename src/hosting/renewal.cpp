#include "hosting/renewal.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"
#include "net/openssl.h"

namespace postseal::hosting {

namespace {

namespace json = boost::json;

constexpr std::size_t info_bytes_max = 65'536;
constexpr std::size_t url_bytes_max = 1000;

// A fraction of `span` that belongs to the text: even over texts, and for one text always the same.
Seconds share_of(Seconds span, std::string_view text) {
    const Sha256 digest = sha256(as_bytes(text));
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < 6; ++i) {
        number = number << 8U | digest[i];
    }
    const double part = static_cast<double>(number) / static_cast<double>(std::uint64_t{1} << 48U);
    return Seconds(static_cast<std::int64_t>(static_cast<double>(span.count()) * part));
}

Result<std::string> id_of(X509* certificate) {
    const ASN1_OCTET_STRING* key = X509_get0_authority_key_id(certificate);
    const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
    if (key == nullptr || serial == nullptr) {
        return Error{Errc::not_found, "certificate", "has no authority key identifier"};
    }
    unsigned char* der = nullptr;
    const int size = i2d_ASN1_INTEGER(const_cast<ASN1_INTEGER*>(serial), &der);
    if (size < 3) {
        OPENSSL_free(der);
        return Error{Errc::internal, "certificate", net::openssl_error("its serial number cannot be written")};
    }
    // Without tag and length; a serial number has at most 20 octets, so the length is one octet.
    const std::string id =
        renewal_id(ByteView(ASN1_STRING_get0_data(key), static_cast<std::size_t>(ASN1_STRING_length(key))),
                   ByteView(der + 2, static_cast<std::size_t>(size) - 2));
    OPENSSL_free(der);
    return id;
}

Result<TimePoint> time_in(const json::object& window, std::string_view member) {
    const json::value* text = window.if_contains(member);
    if (text == nullptr || !text->is_string()) {
        return invalid_input("renewalInfo", fmt::format("suggestedWindow has no {}", member));
    }
    return parse_rfc3339(std::string_view(text->get_string()));
}

}  // namespace

std::string renewal_id(ByteView key_identifier, ByteView serial) {
    return to_base64url(key_identifier) + "." + to_base64url(serial);
}

Result<std::string> renewal_id_of(ByteView certificate_der) {
    const unsigned char* at = certificate_der.data();
    const net::X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(certificate_der.size())));
    if (!certificate) {
        ERR_clear_error();
        return invalid_input("certificate", "not one in DER");
    }
    return id_of(certificate.get());
}

Result<std::string> renewal_id_of_pem(std::string_view chain_pem) {
    const net::BioPtr bio(BIO_new_mem_buf(chain_pem.data(), static_cast<int>(chain_pem.size())));
    const net::X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate) {
        ERR_clear_error();
        return invalid_input("certificate", "not one in PEM");
    }
    return id_of(certificate.get());
}

Result<RenewalWindow> parse_renewal_info(std::string_view text) {
    if (text.size() > info_bytes_max) {
        return Error{Errc::limit_exceeded, "renewalInfo", "too large"};
    }
    boost::system::error_code bad;
    const json::value value = json::parse(json::string_view(text.data(), text.size()), bad);
    const json::object* object = bad ? nullptr : value.if_object();
    const json::value* member = object == nullptr ? nullptr : object->if_contains("suggestedWindow");
    const json::object* window = member == nullptr ? nullptr : member->if_object();
    if (window == nullptr) {
        return invalid_input("renewalInfo", "no JSON object with a suggestedWindow");
    }
    RenewalWindow out;
    POSTSEAL_TRY(out.start, time_in(*window, "start"));
    POSTSEAL_TRY(out.end, time_in(*window, "end"));
    // RFC 9773 §4.2: an end that is not after the start makes the whole object invalid.
    if (out.end <= out.start) {
        return invalid_input("renewalInfo", "its suggestedWindow ends before it starts");
    }
    if (const json::value* url = object->if_contains("explanationURL"); url != nullptr && url->is_string()) {
        const std::string_view words = url->get_string();
        if (words.size() <= url_bytes_max && (words.starts_with("https://") || words.starts_with("http://"))) {
            out.explanation_url = printable(words, url_bytes_max);
        }
    }
    return out;
}

Seconds asked_again_after(std::optional<Seconds> retry_after) {
    // RFC 9773 §4.3.2 and §4.3.3: limits of one's own, six hours where nothing was said. Half a day is the most, so
    // that a revocation is seen on the same day.
    constexpr Seconds least{60};
    constexpr Seconds most{12 * 3600};
    constexpr Seconds otherwise{6 * 3600};
    return std::clamp(retry_after.value_or(otherwise), least, most);
}

TimePoint renewal_moment(const dns::Name& host, TimePoint not_before, TimePoint not_after,
                         const std::optional<RenewalWindow>& window) {
    const Seconds lifetime = not_after - not_before;
    if (window) {
        // RFC 9773 §4.2: an evenly distributed moment within the window; one that has passed means at once. A window
        // that leaves no time for a second attempt is not waited for.
        const std::string seed = fmt::format("{} {} {}", host.text(), window->start.time_since_epoch().count(),
                                             window->end.time_since_epoch().count());
        return std::min(window->start + share_of(window->end - window->start, seed), not_after - lifetime / 6);
    }
    constexpr Seconds short_lived{10 * 86'400};
    const Seconds until_due = lifetime < short_lived ? lifetime / 2 : lifetime * 2 / 3;
    return not_before + until_due - share_of(lifetime / 20, host.text());
}

TimePoint overdue_from(TimePoint renewal, TimePoint not_after) {
    return renewal + (not_after - renewal) / 3;
}

}  // namespace postseal::hosting
