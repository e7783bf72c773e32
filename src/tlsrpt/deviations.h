// The vocabulary of deviations: what senders of TLS reports do that RFC 8460 does not say, and the list of a report's.
// Codes are stable: the panel translates them and operators grep for them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tlsrpt/report.h"

namespace postseal::tlsrpt {

namespace deviation {

// The text around and under the JSON (RFC 8460 §4: I-JSON, so UTF-8 and one object).
inline constexpr std::string_view byte_order_mark = "byte-order-mark";
inline constexpr std::string_view utf16 = "utf-16";
inline constexpr std::string_view invalid_utf8 = "invalid-utf-8";
inline constexpr std::string_view control_characters = "control-characters";  // raw ones, inside a JSON string
inline constexpr std::string_view leading_text = "leading-text";
inline constexpr std::string_view trailing_data = "trailing-data";
inline constexpr std::string_view top_level_array = "top-level-array";

// Members of the report (RFC 8460 §4.4).
// "summary-missing", "mx-host-missing"…: a member that the RFC's schema asks for is absent, null or empty.
std::string missing(std::string_view member);
inline constexpr std::string_view not_a_string = "not-a-string";
inline constexpr std::string_view not_a_list = "not-a-list";
inline constexpr std::string_view not_an_object = "not-an-object";
inline constexpr std::string_view contact_info_not_a_mailbox = "contact-info-not-a-mailbox";
inline constexpr std::string_view date_time_without_zone = "date-time-without-zone";
inline constexpr std::string_view date_time_with_offset = "date-time-with-offset";
inline constexpr std::string_view date_time_unusual = "date-time-unusual";  // readable, not RFC 3339
inline constexpr std::string_view date_time_unreadable = "date-time-unreadable";
inline constexpr std::string_view date_range_reversed = "date-range-reversed";
inline constexpr std::string_view end_is_next_midnight = "end-is-next-midnight";
inline constexpr std::string_view range_not_a_day = "range-not-a-day";
inline constexpr std::string_view policy_flattened = "policy-flattened";
inline constexpr std::string_view policy_string_nested = "policy-string-nested";
inline constexpr std::string_view unknown_policy_type = "unknown-policy-type";
inline constexpr std::string_view unknown_result_type = "unknown-result-type";
inline constexpr std::string_view type_case = "type-case";
inline constexpr std::string_view policy_domain_from_outside =
    "policy-domain-from-outside";  // of a header or file name
inline constexpr std::string_view not_a_domain = "not-a-domain";
inline constexpr std::string_view domain_not_a_label = "domain-not-a-label";  // U-labels where A-labels are asked for
inline constexpr std::string_view domain_form = "domain-form";                // upper case, final dot
inline constexpr std::string_view mx_host_prefix = "mx-host-prefix";
inline constexpr std::string_view member_name = "member-name";  // a synonym read as the real name
inline constexpr std::string_view ip_invalid = "ip-invalid";
inline constexpr std::string_view ip_form = "ip-form";
inline constexpr std::string_view helo_multi_line = "helo-multi-line";
inline constexpr std::string_view count_is_a_string = "count-is-a-string";
inline constexpr std::string_view count_not_an_integer = "count-not-an-integer";
inline constexpr std::string_view count_negative = "count-negative";
inline constexpr std::string_view count_clamped = "count-clamped";
inline constexpr std::string_view count_unreadable = "count-unreadable";
inline constexpr std::string_view failure_sum_differs = "failure-sum-differs";

// The container (RFC 8460 §5).
inline constexpr std::string_view media_type = "media-type";
inline constexpr std::string_view not_multipart_report = "not-multipart-report";
inline constexpr std::string_view header_name = "header-name";  // "ContentType:"
inline constexpr std::string_view transfer_encoding = "transfer-encoding";
inline constexpr std::string_view mime_damaged = "mime-damaged";
inline constexpr std::string_view compressed_twice = "compressed-twice";
inline constexpr std::string_view zip_container = "zip-container";
inline constexpr std::string_view gzip_trailing_data = "gzip-trailing-data";
inline constexpr std::string_view header_differs = "header-differs";        // TLS-Report-* against the body
inline constexpr std::string_view file_name_differs = "file-name-differs";  // against the body
inline constexpr std::string_view subject_differs = "subject-differs";      // against the body
inline constexpr std::string_view subject_form = "subject-form";

}  // namespace deviation

// Keeps the first messages of each code and counts the rest, so that a hostile report cannot make the list long.
class Deviations {
public:
    static constexpr std::size_t messages_per_code_max = 3;

    void add(std::string_view code, std::string message);
    // True when another message of this code would only be counted: callers may then skip making it.
    [[nodiscard]] bool is_full(std::string_view code) const;
    [[nodiscard]] bool has(std::string_view code) const { return index_.contains(code); }
    // In order of first appearance; "… (and 3 more)" where a code came up more often than it is shown.
    [[nodiscard]] std::vector<Deviation> list() const;
    [[nodiscard]] bool empty() const { return entries_.empty(); }
    void append(const Deviations& more);

private:
    struct Entry {
        std::string code;
        std::vector<std::string> messages;
        std::size_t count = 0;
    };
    Entry& entry(std::string_view code);

    std::vector<Entry> entries_;
    std::map<std::string, std::size_t, std::less<>> index_;
};

// Bytes of a sender in a message: quoted, printable, short.
std::string shown(std::string_view text);

}  // namespace postseal::tlsrpt
