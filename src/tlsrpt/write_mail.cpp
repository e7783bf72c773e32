// The mail around a report (RFC 8460 §5.3). Written by hand: a MIME library breaks a Subject with long domain names
// into encoded words and a file name into pieces (RFC 2231), both of which receivers of reports have trouble with.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "base/text.h"
#include "tlsrpt/write.h"

namespace postseal::tlsrpt {

namespace {

constexpr std::size_t line_octets = 76;
constexpr std::size_t line_octets_max = 998;  // RFC 5322 §2.1.1

// RFC 5322 §3.3
std::string mail_date(TimePoint time) {
    static constexpr std::array<std::string_view, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const Day day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000", days[std::chrono::weekday(day).c_encoding()],
                       static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                       static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                       clock.seconds().count());
}

// An addr-spec or msg-id that cannot end its header line or its brackets.
bool fits_in_header(std::string_view text) {
    return !text.empty() && text.size() < line_octets_max / 2 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != '<' && c != '>'; });
}

// The same with letters of any script (RFC 6532 §3.2): such a mail goes to a server with SMTPUTF8 only.
bool fits_in_utf8_header(std::string_view address) {
    std::string ascii(address);
    std::replace_if(
        ascii.begin(), ascii.end(), [](char c) { return static_cast<signed char>(c) < 0; }, 'x');
    return is_valid_utf8(address) && fits_in_header(ascii);
}

// left@right in the characters of a dot-atom (RFC 5322 §3.2.3); the same report always has the same one (RPT-048).
std::string subject_report_id(const Report& report, const Envelope& envelope) {
    std::string id = report.report_id.value_or("");
    const auto at = id.rfind('@');
    std::string left = id.substr(0, at);
    const std::string right = at == std::string::npos ? "" : id.substr(at + 1);
    const auto is_atom = [](char c) {
        return is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
    };
    for (char& c : left) {
        c = is_atom(c) ? c : '.';
    }
    const bool domain = !right.empty() && std::all_of(right.begin(), right.end(), is_atom);
    return fmt::format("{}@{}", left.empty() ? "report" : left.substr(0, 400),
                       domain ? right.substr(0, 300) : envelope.submitter.text());
}

// Folded where the RFC's own example is (RPT-048): in front of a word, never inside one.
std::string subject(const Report& report, const Envelope& envelope) {
    const std::vector<std::string> pieces = {
        "Subject: Report Domain: " + envelope.policy_domain.text(),
        "Submitter: " + envelope.submitter.text(),
        fmt::format("Report-ID: <{}>", subject_report_id(report, envelope)),
    };
    std::string text = pieces.front();
    std::size_t line = text.size();
    for (std::size_t i = 1; i < pieces.size(); ++i) {
        const bool fits = line + 1 + pieces[i].size() <= line_octets;
        text += fits ? " " : "\r\n ";
        text += pieces[i];
        line = fits ? line + 1 + pieces[i].size() : 1 + pieces[i].size();
    }
    return text + "\r\n";
}

std::string base64_lines(ByteView bytes) {
    const std::string text = to_base64(bytes);
    std::string out;
    out.reserve(text.size() + text.size() / line_octets * 2 + 2);
    for (std::size_t i = 0; i < text.size(); i += line_octets) {
        out.append(text, i, line_octets).append("\r\n");
    }
    return out;
}

std::string for_people(const Report& report, const Envelope& envelope) {
    std::string text = fmt::format("This is an aggregate TLS report (RFC 8460) from {}\r\nabout {}",
                                   envelope.submitter.text(), envelope.policy_domain.text());
    if (report.begin && report.end) {
        text += fmt::format(",\r\n{} to {}", to_rfc3339(*report.begin), to_rfc3339(*report.end));
    }
    text += ".\r\n\r\n";
    for (const PolicyResult& policy : report.policies) {
        text += fmt::format("{} {}: {} sessions succeeded, {} failed\r\n", printable(policy.policy_type, 40),
                            printable(policy.policy_domain.value_or(""), 300), policy.successful, policy.failed);
    }
    // What came from peers may be anything; the text is 7bit.
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) < 0; }, '?');
    return text + "\r\nThe report itself is attached.\r\n";
}

}  // namespace

Result<std::string> to_mail(const Report& report, const Envelope& envelope) {
    if (!fits_in_header(envelope.from) || !fits_in_utf8_header(envelope.to) || !fits_in_header(envelope.message_id)) {
        return invalid_input("mail", "an address or the Message-ID has characters that a header field cannot carry");
    }
    const Sha256 digest = sha256(as_bytes(report.report_id.value_or("") + envelope.message_id));
    const std::string unique = to_hex(ByteView(digest).first(8));
    const std::string boundary = "=_tlsrpt_" + unique;
    const std::string name = file_name(report, envelope, unique.substr(0, 8));

    std::string mail;
    const auto field = [&](std::string_view field_name, std::string_view value) {
        mail.append(field_name).append(": ").append(value).append("\r\n");
    };
    field("Date", mail_date(envelope.date));
    field("From", envelope.from);
    field("To", envelope.to);
    mail += subject(report, envelope);
    field("Message-ID", "<" + envelope.message_id + ">");
    field("TLS-Report-Domain", envelope.policy_domain.text());
    field("TLS-Report-Submitter", envelope.submitter.text());
    field("Auto-Submitted", "auto-generated");  // RFC 3834 §5: no vacation notices, please
    field("TLS-Required", "No");                // RFC 8689 §3: it must arrive although TLS is broken (RFC 8460 §3)
    field("MIME-Version", "1.0");
    field("Content-Type", fmt::format("multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"{}\"", boundary));
    mail += fmt::format("\r\n--{}\r\n", boundary);
    field("Content-Type", "text/plain; charset=us-ascii");
    field("Content-Transfer-Encoding", "7bit");
    mail += "\r\n" + for_people(report, envelope);
    mail += fmt::format("\r\n--{}\r\n", boundary);
    field("Content-Type", fmt::format("application/tlsrpt+gzip;\r\n name=\"{}\"", name));
    field("Content-Transfer-Encoding", "base64");
    field("Content-Disposition", fmt::format("attachment;\r\n filename=\"{}\"", name));
    mail += "\r\n" + base64_lines(gzip(as_bytes(to_json(report))));
    mail += fmt::format("\r\n--{}--\r\n", boundary);
    return mail;
}

}  // namespace postseal::tlsrpt
