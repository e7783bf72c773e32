#include "sender/report_message_id.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "base/text.h"
#include "sender/suppression.h"

namespace postseal::sender {

namespace {

constexpr std::size_t key_octets = 32;
constexpr std::size_t nonce_octets = 10;
constexpr std::size_t mac_octets = 20;
constexpr std::size_t time_digits_max = 12;

}  // namespace

Result<ReportMessageIds> ReportMessageIds::open(store::Certificates& certificates) {
    POSTSEAL_TRY(const std::string hex, certificates.secret_or("report-message-id", to_hex(random_bytes(key_octets))));
    POSTSEAL_TRY(Bytes key, from_hex(hex));
    return ReportMessageIds(std::move(key));
}

std::string ReportMessageIds::make(std::string_view mailbox, const dns::Name& submitter, TimePoint now) const {
    const std::string front =
        fmt::format("{}.{}", now.time_since_epoch().count(), to_base32(random_bytes(nonce_octets)));
    return fmt::format("{}.{}@{}", front, mac(front, mailbox), submitter.text());
}

std::optional<TimePoint> ReportMessageIds::sent_at(std::string_view id, std::string_view mailbox) const {
    const std::string_view left = id.substr(0, id.rfind('@'));
    const std::size_t dot = left.rfind('.');
    if (dot == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view front = left.substr(0, dot);
    const std::string_view time = front.substr(0, front.find('.'));
    const auto seconds = time.size() <= time_digits_max ? parse_decimal(time) : std::nullopt;
    if (!seconds || !equal_constant_time(as_bytes(mac(front, mailbox)), as_bytes(left.substr(dot + 1)))) {
        return std::nullopt;
    }
    return TimePoint(Seconds(static_cast<std::int64_t>(*seconds)));
}

// RFC 2104 with SHA-256, over the mailbox in the form in which suppressions name it.
std::string ReportMessageIds::mac(std::string_view time_and_nonce, std::string_view mailbox) const {
    const Result<std::string> canonical = suppression_target(mailbox);
    const std::string text = fmt::format("{} {}", time_and_nonce, canonical ? *canonical : std::string(mailbox));
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    ::HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), as_bytes(text).data(), text.size(), digest.data(),
           &size);
    return to_base32(ByteView(digest).first(mac_octets));
}

}  // namespace postseal::sender
