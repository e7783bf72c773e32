#include "tlsrpt/read.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "tlsrpt/base64_text.h"
#include "tlsrpt/gzip.h"
#include "tlsrpt/hints.h"
#include "tlsrpt/json_text.h"
#include "tlsrpt/mail.h"
#include "tlsrpt/mail_scan.h"
#include "tlsrpt/read_json.h"
#include "tlsrpt/zip.h"

namespace postseal::tlsrpt {

namespace {

// gzip in base64 in a mail in a gzip is as deep as sense goes.
constexpr std::size_t containers_max = 6;

using Found = std::vector<OpenReport>;

// Where bytes come from, for hints and messages.
struct Source {
    std::vector<std::string> file_names;  // innermost first
    const MailHeaders* mail = nullptr;    // of the innermost message around
    std::size_t containers = 0;           // passed so far
    bool in_zip = false;

    [[nodiscard]] Source inside() const {
        Source inner = *this;
        ++inner.containers;
        return inner;
    }
};

Found failed(Error error) {
    Found found;
    found.push_back({std::move(error), {}, {}});
    return found;
}

bool any_report(const Found& found) {
    return std::any_of(found.begin(), found.end(), [](const OpenReport& open) { return open.report.has_value(); });
}

// not_found says "no TLS report in this", which is no news where something else is one.
bool is_news(const OpenReport& open) {
    return open.report || open.report.error().code != Errc::not_found;
}

void append(Found& to, Found more) {
    std::move(more.begin(), more.end(), std::back_inserter(to));
}

void say_where(Found& found, std::string_view where) {
    for (OpenReport& open : found) {
        if (!open.report && !where.empty()) {
            Error error = open.report.error();
            error.where = error.where.empty() ? printable(where, 200) : printable(where, 200) + ": " + error.where;
            open.report = std::move(error);
        }
    }
}

void add_deviation(Found& found, std::string_view code, const std::string& message) {
    for (OpenReport& open : found) {
        open.deviations.add(code, message);
    }
}

// Of several inputs in one container: reports and broken reports; when there is neither, one word about it.
Found only_news(Found found, Error otherwise) {
    found.erase(std::remove_if(found.begin(), found.end(), [](const OpenReport& open) { return !is_news(open); }),
                found.end());
    return found.empty() ? failed(std::move(otherwise)) : std::move(found);
}

bool mentions_policies(std::string_view text) {
    return text.find("\"policies\"") != std::string_view::npos;
}

bool begins_with_brace(std::string_view text) {
    const auto at = text.find_first_not_of(std::string_view(" \t\r\n\0\xef\xbb\xbf", 8));
    return at != std::string_view::npos && text[at] == '{';
}

class Reader {
public:
    explicit Reader(const ReadLimits& limits)
        : limits_(limits), bytes_left_(limits.total_bytes_max), work_bytes_left_(4 * limits.total_bytes_max) {
        ++limits_.reports_max;  // one more than is given out, to notice that there are more
    }

    ReadInput read(ByteView bytes, std::string_view file_name) {
        ReadInput input;
        Found found;
        if (bytes.empty()) {
            found = failed({Errc::not_found, "", "no TLS report: it is empty"});
        } else if (bytes.size() > limits_.input_bytes_max) {
            found = failed({Errc::limit_exceeded, "", fmt::format("larger than {} bytes", limits_.input_bytes_max)});
        } else {
            Source source;
            if (!file_name.empty()) {
                source.file_names.emplace_back(file_name);
            }
            found = any(bytes, source);
        }
        // What is left out is said: nobody may take the first hundred for all.
        if (const std::size_t reports_max = limits_.reports_max - 1; found.size() > reports_max) {
            found.resize(reports_max, {Error{}, {}, {}});
            append(found,
                   failed({Errc::limit_exceeded, "",
                           fmt::format("holds more than {} reports, and no more of them are read", reports_max)}));
        }
        for (OpenReport& open : found) {
            input.reports.push_back(std::move(open).close());
        }
        input.mail = std::move(mail_);
        return input;
    }

private:
    // The kind is in the bytes: media types and file names are wrong too often.
    Found any(ByteView bytes, const Source& source) {
        if (source.containers > containers_max) {
            return failed({Errc::limit_exceeded, "", "packed into more containers than we open"});
        }
        if (bytes.size() > work_bytes_left_) {
            return failed({Errc::limit_exceeded, "", "more containers in containers than we look through"});
        }
        work_bytes_left_ -= bytes.size();
        const std::string_view text = as_text(bytes);
        if (looks_like_gzip(bytes)) {
            return from_gzip(bytes, source);
        }
        if (looks_like_zip(bytes)) {
            return from_zip(bytes, source);
        }
        if (begins_with_brace(text)) {
            return from_json(text, source);
        }
        if (looks_like_mail(text)) {
            return from_mail(text, source);
        }
        if (looks_like_base64_of_report(text)) {
            return from_base64(text, source);
        }
        return from_json(text, source);
    }

    Found from_json(std::string_view text, const Source& source) {
        Found found = read_json_reports(text, limits_);
        for (OpenReport& open : found) {
            if (open.report) {
                apply_hints(*open.report, source.file_names, source.mail, open.deviations);
                open.file_names = source.file_names;
                open.mail = source.mail == nullptr ? std::nullopt : std::optional(*source.mail);
            }
        }
        return found;
    }

    Found from_gzip(ByteView bytes, const Source& source) {
        Result<Inflated> inflated = inflate_members(bytes, limits_, bytes_left_);
        if (!inflated) {
            return failed(std::move(inflated).error());
        }
        Found found = any(inflated->bytes, source.inside());
        if (looks_like_gzip(inflated->bytes)) {
            add_deviation(found, deviation::compressed_twice, "gzip inside gzip");
        }
        if (inflated->trailing_bytes > 0) {
            add_deviation(found, deviation::gzip_trailing_data,
                          fmt::format("{} bytes stand behind the gzip data", inflated->trailing_bytes));
        }
        return found;
    }

    Found from_zip(ByteView bytes, const Source& source) {
        if (source.in_zip) {
            return failed(invalid_input("zip", "a zip inside a zip is not opened"));
        }
        auto entries = unzip(bytes, limits_, bytes_left_);
        if (!entries) {
            return failed(std::move(entries).error());
        }
        Found found;
        for (ZipEntry& entry : *entries) {
            if (found.size() >= limits_.reports_max) {
                break;
            }
            Source inner = source.inside();
            inner.in_zip = true;
            inner.file_names.insert(inner.file_names.begin(), entry.name);
            Found each = entry.bytes ? any(*entry.bytes, inner) : failed(std::move(entry.bytes).error());
            say_where(each, entry.name);
            append(found, std::move(each));
            found.erase(
                std::remove_if(found.begin(), found.end(), [](const OpenReport& open) { return !is_news(open); }),
                found.end());
        }
        found = only_news(std::move(found), {Errc::not_found, "zip",
                                             fmt::format("no TLS report in any of its {} files", entries->size())});
        // RFC 8460 §5.2 knows gzip and nothing else.
        add_deviation(found, deviation::zip_container, "the report came in a zip");
        return found;
    }

    Found from_base64(std::string_view text, const Source& source) {
        const LenientBase64 decoded = from_base64_leniently(text);
        Found found = any(decoded.bytes, source.inside());
        add_deviation(found, deviation::transfer_encoding, "base64 that no header announces");
        return found;
    }

    Found from_mail(std::string_view text, const Source& source) {
        std::optional<Error> refused;
        const auto attempt = [&](std::string_view bytes) {
            auto mails = read_mails(bytes, limits_);
            if (!mails) {
                refused = std::move(mails).error();
                return Found();
            }
            return from_mails(*mails, source);
        };
        Found found = attempt(text);
        if (refused && refused->code == Errc::limit_exceeded) {
            return failed(*refused);
        }
        if (any_report(found)) {
            return found;
        }
        // Gateways put lines of warning before the header, after which a parser finds no header.
        if (const auto rest = without_banner(text); !rest.empty()) {
            Found again = attempt(rest);
            if (any_report(again)) {
                const bool envelope_line = text.starts_with("From ");
                if (!envelope_line) {
                    add_deviation(again, deviation::leading_text, "lines that are no header stand before the mail");
                }
                return again;
            }
            if (found.empty()) {
                found = std::move(again);
            }
        }
        if (std::any_of(found.begin(), found.end(), is_news)) {
            return found;
        }
        Found salvaged = salvage(text, source);
        if (std::any_of(salvaged.begin(), salvaged.end(), is_news)) {
            add_deviation(salvaged, deviation::mime_damaged,
                          "the report was found in a mail whose MIME structure is damaged");
            return salvaged;
        }
        return found.empty() ? failed({Errc::not_found, "mail", "no TLS report in it"}) : std::move(found);
    }

    Found from_mails(std::vector<Mail>& mails, const Source& source) {
        Found found;
        std::size_t parts = 0;
        bool cut_short = false;
        for (Mail& mail : mails) {
            if (!mail_ && source.mail == nullptr && source.containers == 0) {
                mail_ = mail.headers;
            }
            // Some senders show the report to people too; it is still one report.
            Found attached;
            Found each;
            for (const bool for_people : {false, true}) {
                for (const MailPart& part : mail.parts) {
                    if (is_for_people(part) == for_people &&
                        found.size() + attached.size() + each.size() < limits_.reports_max) {
                        for_people ? append(each, from_text(part, source, attached))
                                   : append(attached, from_part(part, source));
                    }
                }
            }
            append(each, std::move(attached));
            for (OpenReport& open : each) {
                open.deviations.append(mail.deviations);
            }
            append(found, std::move(each));
            parts += mail.parts.size();
            cut_short |= mail.cut_short;
        }
        if (cut_short && !any_report(found)) {
            return failed({Errc::limit_exceeded, "mail",
                           fmt::format("more than {} parts or more than {} levels, and no TLS report in the first",
                                       limits_.mime_parts_max, limits_.mime_depth_max)});
        }
        return only_news(std::move(found),
                         {Errc::not_found, "mail", fmt::format("no TLS report in any of its {} parts", parts)});
    }

    static bool is_declared(const MailPart& part) { return part.media_type.find("tlsrpt") != std::string::npos; }
    static bool is_for_people(const MailPart& part) {
        return !is_declared(part) && part.file_name.empty() && !looks_like_gzip(part.content) &&
               (part.media_type.empty() || part.media_type.starts_with("text/"));
    }

    static Source inside_part(const MailPart& part, const Source& source) {
        Source inner = source.inside();
        inner.mail = part.headers.get();
        if (!part.file_name.empty()) {
            inner.file_names.insert(inner.file_names.begin(), part.file_name);
        }
        return inner;
    }

    // RPT-045: by media type, failing that by file name, failing that by what is in it.
    Found from_part(const MailPart& part, const Source& source) {
        if (part.content.empty()) {
            return {};
        }
        Found found = any(part.content, inside_part(part, source));
        say_where(found, part.file_name);
        if (is_declared(part)) {
            // What says that it is a report and is none is news even beside other reports.
            for (OpenReport& open : found) {
                if (!open.report && open.report.error().code == Errc::not_found) {
                    open.report = invalid_input(open.report.error().where, open.report.error().what);
                }
            }
        }
        const std::string_view text = as_text(part.content);
        const bool is_mail = !looks_like_gzip(part.content) && !looks_like_zip(part.content) &&
                             !begins_with_brace(text) && looks_like_mail(text);
        if (!is_mail) {
            add_part_deviations(found, part);
        }
        return found;
    }

    // The text for people, where it holds a report that is not `attached` as well.
    Found from_text(const MailPart& part, const Source& source, const Found& attached) {
        const std::string_view text = as_text(part.content);
        const bool is_base64 = looks_like_base64_of_report(text);
        if (!is_base64 && !mentions_policies(text)) {
            return {};
        }
        const Source inner = inside_part(part, source);
        Found found = is_base64 ? from_base64(text, inner) : from_json(text, inner);
        const bool may_be_words = !is_base64 && !begins_with_brace(text);
        const auto is_noise = [&](const OpenReport& open) {
            return open.report ? is_among(open, attached) : !is_news(open) || may_be_words;
        };
        found.erase(std::remove_if(found.begin(), found.end(), is_noise), found.end());
        add_part_deviations(found, part);
        return found;
    }

    static bool is_among(const OpenReport& open, const Found& others) {
        return std::any_of(others.begin(), others.end(), [&](const OpenReport& other) {
            return open.report && other.report && *open.report == *other.report;
        });
    }

    // RFC 8460 §5.3
    static void add_part_deviations(Found& found, const MailPart& part) {
        const bool gzipped = looks_like_gzip(part.content);
        const std::string_view right = gzipped ? "application/tlsrpt+gzip" : "application/tlsrpt+json";
        if (part.media_type != right) {
            add_deviation(found, deviation::media_type,
                          part.media_type.empty() ? std::string("the report's part has no Content-Type")
                                                  : fmt::format("the report's part is {}", shown(part.media_type)));
        }
        if (!part.in_tls_report) {
            add_deviation(found, deviation::not_multipart_report,
                          "the report is not in a multipart/report; report-type=tlsrpt");
        }
        if (part.base64_strays > 0) {
            add_deviation(found, deviation::transfer_encoding,
                          fmt::format("{} characters in the base64 text are none of base64", part.base64_strays));
        }
    }

    // The last resort: what looks like a report's bytes in a text whose structure says nothing.
    Found salvage(std::string_view text, const Source& source) {
        Found found;
        MailHeaders headers;
        Source inner = source.inside();
        if (mail_) {
            headers = *mail_;
            inner.mail = &headers;
        }
        Lines lines(text);
        for (std::string_view line; lines.next(line) && found.size() < limits_.reports_max;) {
            if (!looks_like_base64_of_report(line)) {
                continue;
            }
            const std::size_t start = lines.offset();
            std::size_t end = start;
            do {
                end = lines.offset() + line.size();
            } while (lines.next(line) && !line.empty() && !line.starts_with("--"));
            append(found, from_base64(text.substr(start, end - start), inner));
        }
        if (!any_report(found) && mentions_policies(text)) {
            append(found, from_json(text, inner));
        }
        return only_news(std::move(found), {Errc::not_found, "mail", "no TLS report in it"});
    }

    ReadLimits limits_;
    std::size_t bytes_left_;       // that may still be inflated
    std::size_t work_bytes_left_;  // that may still be looked at: mails in mails are read again at every level
    std::optional<MailHeaders> mail_;
};

}  // namespace

ReadInput read_input(ByteView bytes, std::string_view file_name, const ReadLimits& limits) {
    return Reader(limits).read(bytes, file_name);
}

}  // namespace postseal::tlsrpt
