#include "sender/dkim_sign.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <memory>
#include <string_view>

#include "sender/dkim_ed25519.h"

extern "C" {
#include <opendkim/dkim.h>
}

namespace postseal::sender {

namespace {

using LibraryPtr = std::unique_ptr<DKIM_LIB, decltype(&dkim_close)>;
using SignerPtr = std::unique_ptr<DKIM, decltype(&dkim_free)>;

// What says whose report this is and what it is about (RFC 6376 §5.4.1; RFC 8460 §5.3 for TLS-Report-*).
constexpr std::array<const char*, 10> signed_fields = {"From",
                                                       "To",
                                                       "Subject",
                                                       "Date",
                                                       "Message-ID",
                                                       "MIME-Version",
                                                       "Content-Type",
                                                       "TLS-Report-Domain",
                                                       "TLS-Report-Submitter",
                                                       nullptr};
// Listed once more than they occur, so that nobody can add a second one (RFC 6376 §5.4.2, §8.15).
constexpr std::array<const char*, 5> oversigned_fields = {"From", "Subject", "TLS-Report-Domain",
                                                          "TLS-Report-Submitter", nullptr};

// The library takes its inputs by pointers to what is not const, and does not write to them.
u_char* bytes_of(std::string& text) {
    return reinterpret_cast<u_char*>(text.data());
}

Error failed(const DkimKey& key, std::string_view what, DKIM_STAT status) {
    const char* why = dkim_getresultstr(status);
    return Error{Errc::internal, "DKIM signature of " + key.selector + "._domainkey." + key.domain.text(),
                 fmt::format("{}: {}", what, why == nullptr ? "unknown error" : why)};
}

Result<std::string> rsa_signature(DKIM_LIB* library, std::string message, const DkimKey& key) {
    std::string pem = key.pem;
    std::string selector = key.selector;
    std::string domain = key.domain.text();
    std::string id = "report";
    DKIM_STAT status = DKIM_STAT_OK;
    // The body in full: a length would become an l= tag (RFC 8460 §3; RPT-017).
    constexpr ssize_t whole_body = -1;
    const SignerPtr signer(
        dkim_sign(library, bytes_of(id), nullptr, bytes_of(pem), bytes_of(selector), bytes_of(domain),
                  DKIM_CANON_RELAXED, DKIM_CANON_RELAXED, DKIM_SIGN_RSASHA256, whole_body, &status),
        dkim_free);
    if (!signer) {
        return failed(key, "begin", status);
    }
    status = dkim_chunk(signer.get(), bytes_of(message), message.size());
    if (status == DKIM_STAT_OK) {
        status = dkim_chunk(signer.get(), nullptr, 0);
    }
    if (status == DKIM_STAT_OK) {
        status = dkim_eom(signer.get(), nullptr);
    }
    u_char* text = nullptr;
    std::size_t size = 0;
    constexpr std::string_view field = DKIM_SIGNHEADER ": ";
    if (status == DKIM_STAT_OK) {
        status = dkim_getsighdr_d(signer.get(), field.size(), &text, &size);
    }
    if (status != DKIM_STAT_OK || text == nullptr) {
        return failed(key, "sign", status);
    }
    return fmt::format("{}{}\r\n", field, std::string_view(reinterpret_cast<const char*>(text), size));
}

// For t=, also where [lab] has moved our clock (libopendkim asks no other either): verifiers compare it with their own.
TimePoint machine_time() {
    return std::chrono::floor<Seconds>(std::chrono::system_clock::now());
}

std::vector<std::string_view> all_fields() {
    std::vector<std::string_view> names(signed_fields.begin(), signed_fields.end() - 1);
    names.insert(names.end(), oversigned_fields.begin(), oversigned_fields.end() - 1);
    return names;
}

}  // namespace

Result<std::string> dkim_signed(const std::string& message, const std::vector<DkimKey>& keys) {
    const LibraryPtr library(dkim_init(nullptr, nullptr), dkim_close);
    if (!library) {
        return Error{Errc::internal, "DKIM", "libopendkim does not start"};
    }
    const auto choose = [&](dkim_opts_t option, const auto& names) {
        auto list = names;
        return dkim_options(library.get(), DKIM_OP_SETOPT, option, list.data(), sizeof(char**)) == DKIM_STAT_OK;
    };
    if (!choose(DKIM_OPTS_SIGNHDRS, signed_fields) || !choose(DKIM_OPTS_OVERSIGNHDRS, oversigned_fields)) {
        return Error{Errc::internal, "DKIM", "libopendkim does not take the list of header fields"};
    }
    std::string fields;
    for (const DkimKey& key : keys) {
        POSTSEAL_TRY(const std::string one, key.algorithm == DkimAlgorithm::rsa
                                                ? rsa_signature(library.get(), message, key)
                                                : ed25519_signature(message, key, all_fields(), machine_time()));
        fields += one;
    }
    return fields + message;
}

}  // namespace postseal::sender
