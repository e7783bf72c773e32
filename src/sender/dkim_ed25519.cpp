#include "sender/dkim_ed25519.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/text.h"

namespace postseal::sender {

namespace {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using ContextPtr = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

constexpr std::string_view line_end = "\r\n";

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

// Runs of blanks become one; those at the end go.
std::string with_single_blanks(std::string_view line) {
    std::string out;
    for (const char c : line) {
        if (!is_blank(c)) {
            out.push_back(c);
        } else if (out.empty() || out.back() != ' ') {
            out.push_back(' ');
        }
    }
    if (!out.empty() && out.back() == ' ') {
        out.pop_back();
    }
    return out;
}

// Each with its folded lines, without the CRLF at its end.
std::vector<std::string_view> fields_of(std::string_view header) {
    std::vector<std::string_view> fields;
    for (std::size_t begin = 0; begin < header.size();) {
        std::size_t end = header.find(line_end, begin);
        while (end != std::string_view::npos && end + 2 < header.size() && is_blank(header[end + 2])) {
            end = header.find(line_end, end + 2);
        }
        end = std::min(end, header.size());
        fields.push_back(header.substr(begin, end - begin));
        begin = end + 2;
    }
    return fields;
}

// RFC 8463 §3: the signature is over the SHA-256 hash of the canonical header.
Result<std::string> sign(const DkimKey& key, std::string_view canonical) {
    const BioPtr bio(BIO_new_mem_buf(key.pem.data(), static_cast<int>(key.pem.size())), BIO_free_all);
    const KeyPtr private_key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    const ContextPtr context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const Sha256 digest = sha256(as_bytes(canonical));
    std::array<unsigned char, 64> signature{};
    std::size_t size = signature.size();
    const bool made = private_key && EVP_PKEY_get_id(private_key.get()) == EVP_PKEY_ED25519 &&
                      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, private_key.get()) == 1 &&
                      EVP_DigestSign(context.get(), signature.data(), &size, digest.data(), digest.size()) == 1;
    if (!made) {
        ERR_clear_error();
        return Error{Errc::internal, "DKIM signature of " + key.selector + "._domainkey." + key.domain.text(),
                     "the Ed25519 key does not sign"};
    }
    return to_base64(signature);
}

}  // namespace

std::string relaxed_header_field(std::string_view field) {
    std::string unfolded;  // the blank that begins a line stays
    std::copy_if(field.begin(), field.end(), std::back_inserter(unfolded),
                 [](char c) { return c != '\r' && c != '\n'; });
    const std::size_t colon = std::min(unfolded.find(':'), unfolded.size());
    const std::string value =
        with_single_blanks(std::string_view(unfolded).substr(std::min(colon + 1, unfolded.size())));
    return with_single_blanks(to_lower(std::string_view(unfolded).substr(0, colon))) + ":" +
           value.substr(value.starts_with(' ') ? 1 : 0);
}

std::string relaxed_body(std::string_view body) {
    std::string out;
    std::size_t size_without_empty_end = 0;
    while (!body.empty()) {
        const std::size_t end = std::min(body.find(line_end), body.size());
        const std::string line = with_single_blanks(body.substr(0, end));
        out += line;
        out += line_end;
        if (!line.empty()) {
            size_without_empty_end = out.size();
        }
        body.remove_prefix(std::min(end + 2, body.size()));
    }
    out.resize(size_without_empty_end);
    return out;
}

Result<std::string> ed25519_signature(std::string_view message, const DkimKey& key,
                                      std::span<const std::string_view> fields, TimePoint signed_at) {
    const std::size_t header_end = std::min(message.find("\r\n\r\n"), message.size());
    const std::vector<std::string_view> present = fields_of(message.substr(0, header_end));
    const std::string_view body = message.substr(std::min(header_end + 4, message.size()));

    std::string canonical;
    std::string names;
    std::vector<std::string> taken;
    for (const std::string_view name : fields) {
        const std::string lower = to_lower(name);
        names += names.empty() ? "" : ":";
        // A line of the field holds a handful of names (RFC 6376 §3.5 lets blanks stand round the colons).
        names += taken.size() % 5 == 4 ? "\r\n\t " + lower : lower;
        const bool again = std::find(taken.begin(), taken.end(), lower) != taken.end();
        taken.push_back(lower);
        for (const std::string_view field : present) {
            if (!again && to_lower(field.substr(0, field.find(':'))) == lower) {
                canonical += relaxed_header_field(field) + std::string(line_end);
            }
        }
    }
    const std::string unsigned_field = fmt::format(
        "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d={};\r\n\ts={}; t={};\r\n\tbh={};\r\n\t"
        "h={};\r\n\tb=",
        key.domain.text(), key.selector, signed_at.time_since_epoch().count(),
        to_base64(sha256(as_bytes(relaxed_body(body)))), names);
    canonical += relaxed_header_field(unsigned_field);
    POSTSEAL_TRY(const std::string signature, sign(key, canonical));
    return unsigned_field + signature + std::string(line_end);
}

}  // namespace postseal::sender
