#include "tlsrpt/delivery_status.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/text.h"
#include "tlsrpt/mail.h"

namespace postseal::tlsrpt {

namespace {

constexpr std::size_t text_bytes_max = 500;
constexpr std::size_t address_bytes_max = 320;

// The fields of one group, names in lower case, folded lines joined (RFC 3464 §2.1.1). Of a field that stands there
// twice the first counts.
using Fields = std::map<std::string, std::string>;

// Groups are separated by empty lines.
std::vector<Fields> groups_of(std::string_view text, std::size_t groups_max) {
    std::vector<Fields> groups;
    Fields group;
    std::string* value = nullptr;
    const auto end_group = [&] {
        if (!group.empty() && groups.size() < groups_max) {
            groups.push_back(std::move(group));
        }
        group = {};
        value = nullptr;
    };
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (trim_wsp(line).empty()) {
            end_group();
        } else if (line.front() == ' ' || line.front() == '\t') {
            if (value != nullptr && value->size() < text_bytes_max) {
                value->append(" ").append(trim_wsp(line).substr(0, text_bytes_max));
            }
        } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
            const auto [at, fresh] = group.emplace(to_lower(trim_wsp(line.substr(0, colon)).substr(0, text_bytes_max)),
                                                   trim_wsp(line.substr(colon + 1)).substr(0, text_bytes_max));
            value = fresh ? &at->second : nullptr;
        } else {
            value = nullptr;
        }
    }
    end_group();
    return groups;
}

std::string value_of(const Fields& fields, const char* name) {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : printable(found->second, text_bytes_max);
}

// RFC 3464 §2.1.2: "rfc822; user@example.org"; utf-8 by RFC 6533 §3. Other types are no mailboxes.
std::string address_of(const std::string& typed) {
    const std::size_t semicolon = typed.find(';');
    if (semicolon == std::string::npos) {
        return "";
    }
    const std::string type = to_lower(trim_wsp(std::string_view(typed).substr(0, semicolon)));
    std::string_view address = trim_wsp(std::string_view(typed).substr(semicolon + 1));
    if (address.starts_with('<') && address.ends_with('>')) {  // some write it as a path
        address = address.substr(1, address.size() - 2);
    }
    return (type == "rfc822" || type == "utf-8") && address.size() <= address_bytes_max ? std::string(address) : "";
}

std::optional<RecipientStatus> recipient_of(const Fields& fields) {
    RecipientStatus recipient;
    recipient.original_recipient = address_of(value_of(fields, "original-recipient"));
    recipient.final_recipient = address_of(value_of(fields, "final-recipient"));
    recipient.action = to_lower(value_of(fields, "action"));
    // RFC 3464 §2.3.4 lets a comment follow.
    const std::string status = value_of(fields, "status");
    recipient.status = status.substr(0, status.find_first_of(" \t("));
    recipient.diagnostic = value_of(fields, "diagnostic-code");
    const bool names_one = !recipient.original_recipient.empty() || !recipient.final_recipient.empty();
    return names_one && !recipient.action.empty() ? std::optional(std::move(recipient)) : std::nullopt;
}

// RFC 3464 §2, RFC 6522 §3: the message itself, or its header alone.
std::string returned_message_id(const Mail& mail, const ReadLimits& limits) {
    for (const MailPart& part : mail.parts) {
        if (part.media_type == "text/rfc822-headers" || part.media_type == "message/global-headers") {
            const auto header = read_mails(as_text(part.content), limits);
            if (header && !header->front().headers.message_id.empty()) {
                return header->front().headers.message_id;
            }
        } else if (part.in_attached_message && part.headers && !part.headers->message_id.empty()) {
            return part.headers->message_id;
        }
    }
    return "";
}

}  // namespace

Result<DeliveryStatus> read_delivery_status(std::string_view mail, const DeliveryStatusLimits& limits) {
    if (mail.size() > limits.mail_bytes_max) {
        return Error{Errc::limit_exceeded, "mail", "it is too large for a delivery status notification"};
    }
    const ReadLimits read_limits;
    POSTSEAL_TRY(const auto mails, read_mails(mail, read_limits));
    const Mail& outer = mails.front();
    DeliveryStatus found;
    for (const MailPart& part : outer.parts) {
        // What a returned message holds is not the notification's own word.
        if (part.in_attached_message ||
            (part.media_type != "message/delivery-status" && part.media_type != "message/global-delivery-status")) {
            continue;
        }
        for (const Fields& group : groups_of(as_text(part.content), limits.recipients_max + 1)) {
            if (auto recipient = recipient_of(group); recipient && found.recipients.size() < limits.recipients_max) {
                found.recipients.push_back(std::move(*recipient));
            }
        }
    }
    if (found.recipients.empty()) {
        return invalid_input("mail", "it holds no delivery status (RFC 3464)");
    }
    found.message_id = printable(returned_message_id(outer, read_limits), text_bytes_max);
    return found;
}

}  // namespace postseal::tlsrpt
