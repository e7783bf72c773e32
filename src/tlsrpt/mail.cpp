#include "tlsrpt/mail.h"

#include <fmt/format.h>
#include <gmime/gmime.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "tlsrpt/base64_text.h"
#include "tlsrpt/mail_scan.h"

namespace postseal::tlsrpt {

namespace {

struct Unref {
    void operator()(gpointer object) const { g_object_unref(object); }
};
template <class T>
using Owned = std::unique_ptr<T, Unref>;

// GMime keeps tables of its own; they are set up once and stay for the life of the program.
void start_gmime() {
    static const bool started = [] {
        g_mime_init();
        return true;
    }();
    (void)started;
}

std::string text_or_empty(const char* text) {
    return text == nullptr ? std::string() : to_valid_utf8(text);
}

std::string header(GMimeObject* object, const char* name) {
    const char* value = g_mime_object_get_header(object, name);
    return value == nullptr ? std::string() : to_valid_utf8(trim_wsp(value));
}

std::string from_address(GMimeMessage* message) {
    InternetAddressList* list = g_mime_message_get_from(message);
    if (list != nullptr && internet_address_list_length(list) > 0) {
        InternetAddress* address = internet_address_list_get_address(list, 0);
        if (INTERNET_ADDRESS_IS_MAILBOX(address)) {
            return text_or_empty(internet_address_mailbox_get_idn_addr(INTERNET_ADDRESS_MAILBOX(address)));
        }
    }
    return header(GMIME_OBJECT(message), "From");
}

MailHeaders headers_of(GMimeMessage* message) {
    GMimeObject* object = GMIME_OBJECT(message);
    MailHeaders headers;
    headers.from = from_address(message);
    headers.subject = text_or_empty(g_mime_message_get_subject(message));
    headers.report_domain = header(object, "TLS-Report-Domain");
    headers.report_submitter = header(object, "TLS-Report-Submitter");
    headers.message_id = text_or_empty(g_mime_message_get_message_id(message));
    return headers;
}

std::string media_type_of(GMimeObject* object) {
    // GMime makes up text/plain where there is no Content-Type.
    if (g_mime_object_get_header(object, "Content-Type") == nullptr) {
        return {};
    }
    GMimeContentType* type = g_mime_object_get_content_type(object);
    if (type == nullptr) {
        return {};
    }
    gchar* text = g_mime_content_type_get_mime_type(type);
    std::string result = to_lower(text_or_empty(text));
    g_free(text);
    return result;
}

bool is_tls_report(GMimeObject* multipart) {
    GMimeContentType* type = g_mime_object_get_content_type(multipart);
    const char* kind = type == nullptr ? nullptr : g_mime_content_type_get_parameter(type, "report-type");
    return kind != nullptr && iequals(trim_wsp(kind), "tlsrpt") && media_type_of(multipart) == "multipart/report";
}

Bytes bytes_of(GMimeStream* memory) {
    const GByteArray* array = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory));
    return array == nullptr || array->len == 0 ? Bytes() : Bytes(array->data, array->data + array->len);
}

// Decoded by us where it is base64: GMime stops at nothing either, but does not tell that there was something.
void take_content(GMimePart* part, MailPart& out) {
    GMimeDataWrapper* content = g_mime_part_get_content(part);
    if (content == nullptr) {
        return;
    }
    const Owned<GMimeStream> memory(g_mime_stream_mem_new());
    if (g_mime_part_get_content_encoding(part) == GMIME_CONTENT_ENCODING_BASE64) {
        GMimeStream* raw = g_mime_data_wrapper_get_stream(content);
        if (raw == nullptr) {
            return;
        }
        g_mime_stream_reset(raw);
        g_mime_stream_write_to_stream(raw, memory.get());
        LenientBase64 decoded = from_base64_leniently(as_text(bytes_of(memory.get())));
        out.content = std::move(decoded.bytes);
        out.base64_strays = decoded.strays;
        return;
    }
    g_mime_data_wrapper_write_to_stream(content, memory.get());
    out.content = bytes_of(memory.get());
}

class Walk {
public:
    Walk(Mail& mail, const ReadLimits& limits) : mail_(mail), limits_(limits) {}

    void message(GMimeMessage* message, std::size_t depth) {
        const auto headers = std::make_shared<const MailHeaders>(headers_of(message));
        ++messages_around_;
        object(g_mime_message_get_mime_part(message), depth, headers, Around::message);
        --messages_around_;
    }

private:
    enum class Around { message, tls_report, other };

    void object(GMimeObject* object, std::size_t depth, const std::shared_ptr<const MailHeaders>& headers,
                Around around) {
        if (object == nullptr) {
            return;
        }
        if (depth > limits_.mime_depth_max) {
            mail_.cut_short = true;
            return;
        }
        if (GMIME_IS_MULTIPART(object)) {
            GMimeMultipart* multipart = GMIME_MULTIPART(object);
            const Around inner = is_tls_report(object) ? Around::tls_report : Around::other;
            const int count = g_mime_multipart_get_count(multipart);
            for (int i = 0; i < count && !mail_.cut_short; ++i) {
                this->object(g_mime_multipart_get_part(multipart, i), depth + 1, headers, inner);
            }
        } else if (GMIME_IS_MESSAGE_PART(object)) {
            GMimeMessage* inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
            if (inner != nullptr) {
                message(inner, depth + 1);
            }
        } else if (GMIME_IS_PART(object)) {
            if (mail_.parts.size() == limits_.mime_parts_max) {
                mail_.cut_short = true;
                return;
            }
            MailPart part;
            part.media_type = media_type_of(object);
            part.file_name = text_or_empty(g_mime_part_get_filename(GMIME_PART(object)));
            const char* disposition = g_mime_object_get_disposition(object);
            part.is_attachment = disposition != nullptr && iequals(disposition, "attachment");
            part.in_tls_report = around == Around::tls_report;
            part.in_attached_message = messages_around_ > 1;
            part.headers = headers;
            take_content(GMIME_PART(object), part);
            mail_.parts.push_back(std::move(part));
        }
    }

    Mail& mail_;
    const ReadLimits& limits_;
    std::size_t messages_around_ = 0;
};

}  // namespace

bool looks_like_mail(std::string_view bytes) {
    return bytes.starts_with("From ") || find_known_header(bytes) != std::string_view::npos;
}

std::string_view without_banner(std::string_view bytes) {
    const auto at = find_known_header(bytes);
    return at == std::string_view::npos || at == 0 ? std::string_view() : bytes.substr(at);
}

Result<std::vector<Mail>> read_mails(std::string_view bytes, const ReadLimits& limits) {
    if (auto shape = check_mail_shape(bytes); !shape) {
        return std::move(shape).error();
    }
    start_gmime();
    std::string repaired;
    const bool odd_names = repair_field_names(bytes, repaired);
    if (odd_names) {
        bytes = repaired;
    }
    const Owned<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(bytes.data(), bytes.size()));
    const Owned<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
    const bool mbox = bytes.starts_with("From ");
    g_mime_parser_set_format(parser.get(), mbox ? GMIME_FORMAT_MBOX : GMIME_FORMAT_MESSAGE);
    std::vector<Mail> mails;
    do {
        const Owned<GMimeMessage> message(g_mime_parser_construct_message(parser.get(), nullptr));
        if (!message) {
            break;
        }
        Mail mail;
        mail.headers = headers_of(message.get());
        if (odd_names) {
            mail.deviations.add(deviation::header_name, "a MIME field is written without its hyphen");
        }
        Walk(mail, limits).message(message.get(), 0);
        mails.push_back(std::move(mail));
    } while (mbox && mails.size() < limits.reports_max && g_mime_parser_eos(parser.get()) == FALSE);
    if (mails.empty()) {
        return invalid_input("mail", "there is no header");
    }
    return mails;
}

}  // namespace postseal::tlsrpt
