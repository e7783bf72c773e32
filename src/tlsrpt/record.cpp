#include "tlsrpt/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "dns/txt_fields.h"
#include "tlsrpt/report_uri.h"

namespace postseal::tlsrpt {

namespace {

constexpr dns::TxtForm form{"v=TLSRPTv1", "TLSRPT", "a", "RFC 8460 §3"};

class RecordParser {
public:
    RecordParser(int line, Problems& problems) : line_(line), problems_(&problems) {}
    std::optional<TlsrptRecord> parse(std::string_view text);

private:
    void add(Severity severity, std::string code, std::string message) {
        failed_ = failed_ || severity == Severity::error;
        problems_->push_back({line_, severity, std::move(code), std::move(message), std::string(form.rfc)});
    }
    void take_rua(const dns::TxtField& field);
    void take_uri(std::string_view uri, const std::string& place);
    void take_extension(const dns::TxtField& field);

    int line_;
    Problems* problems_;
    bool failed_ = false;
    bool rua_seen_ = false;
    TlsrptRecord record_;
    std::set<std::string> targets_;  // addresses and https URIs so far: no place gets a report twice
};

// tlsrpt-rua = %s"rua=" tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)
void RecordParser::take_rua(const dns::TxtField& field) {
    const auto place = dns::txt_field_place(line_, field);
    if (rua_seen_) {
        // RFC 8460 §3: the grammar allows several rua fields and no rule merges them; we take all of them.
        add(Severity::warning, "repeated-rua",
            fmt::format("{}: another rua field; some senders read only one, a list with commas is safer", place));
    }
    rua_seen_ = true;
    if (field.value != trim_wsp(field.value)) {
        add(Severity::error, "rua-invalid", fmt::format("{}: blank behind \"=\"", place));
    }
    for (const auto uri : split(field.value, ',')) {
        take_uri(trim_wsp(uri), place);
    }
}

void RecordParser::take_uri(std::string_view uri, const std::string& place) {
    const auto quoted = fmt::format("{}: \"{}\"", place, printable(uri, 80));
    if (uri.empty()) {
        return add(Severity::error, "rua-invalid", fmt::format("{}: a URI is missing", place));
    }
    // A "," or ";" has ended the URI already.
    if (uri.find('!') != std::string_view::npos) {
        return add(Severity::error, "rua-not-encoded", fmt::format("{}: \"!\" must be written as %21", quoted));
    }
    const auto parts = split_uri(uri);
    if (!parts) {
        return add(Severity::error, "rua-invalid", fmt::format("{}: {}", quoted, parts.error().message()));
    }
    const bool mailto = iequals(parts->scheme, "mailto");
    if (!mailto && !iequals(parts->scheme, "https")) {
        return add(Severity::warning, "rua-scheme-unsupported",
                   fmt::format("{}: reports go to \"mailto:\" and \"https:\" only; passed over", quoted));
    }
    // What is a URI but no place to send to does not break the record: the grammar asks for a URI, no more.
    auto target = mailto ? mailto_target(uri, *parts) : https_target(uri, *parts);
    if (!target) {
        return add(Severity::warning, "rua-unusable",
                   fmt::format("{}: {}; passed over", quoted, target.error().message()));
    }
    ReportUri& place_to_send = target.value();
    if (!mailto && parts->userinfo) {
        add(Severity::warning, "rua-userinfo",
            fmt::format("{}: a user name or password in a public record protects nothing", quoted));
    }
    if (parts->fragment) {
        add(Severity::warning, "rua-fragment", fmt::format("{}: what follows \"#\" is never sent", quoted));
    }
    if (std::any_of(place_to_send.address.begin(), place_to_send.address.end(),
                    [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
        add(Severity::warning, "rua-needs-smtputf8",
            fmt::format("{}: only senders with SMTPUTF8 can mail to this address", quoted));
    }
    if (!targets_.insert(mailto ? place_to_send.address : place_to_send.published).second) {
        return add(Severity::warning, "rua-repeated-target", fmt::format("{}: stands here twice", quoted));
    }
    record_.rua.push_back(std::move(place_to_send));
}

void RecordParser::take_extension(const dns::TxtField& field) {
    const auto place = dns::txt_field_place(line_, field);
    if (const auto fault = dns::txt_value_fault(field.value)) {
        add(Severity::error, "field-value-invalid", fmt::format("{}: {}", place, *fault));
    } else if (field.name == "v" || !record_.extensions.emplace(field.name, field.value).second) {
        add(Severity::warning, "repeated-field", fmt::format("{}: repeated, only the first counts", place));
    } else {
        const bool misspelt = iequals(field.name, "rua") || iequals(field.name, "v");
        add(Severity::warning, "unknown-field",
            fmt::format("{}: unknown to RFC 8460 and ignored{}", place,
                        misspelt ? "; names of fields are case-sensitive" : ""));
    }
}

std::optional<TlsrptRecord> RecordParser::parse(std::string_view text) {
    Problems found;
    const auto fields = dns::split_txt_fields(text, form, line_, found);
    failed_ = has_error(found);
    problems_->insert(problems_->end(), found.begin(), found.end());
    if (!fields) {
        return std::nullopt;
    }
    for (const auto& field : *fields) {
        if (field.name == "rua") {
            take_rua(field);
        } else {
            take_extension(field);
        }
    }
    if (!rua_seen_) {
        add(Severity::error, "rua-missing", fmt::format("TXT record {}: no rua field, which is mandatory", line_));
    } else if (!failed_ && record_.rua.empty()) {
        add(Severity::error, "rua-nowhere",
            fmt::format("TXT record {}: no URI of it is a place to which a report can go", line_));
    }
    return failed_ ? std::nullopt : std::optional(std::move(record_));
}

}  // namespace

TlsrptRecordJudgement judge_tlsrpt_records(std::span<const std::string> txt_records) {
    TlsrptRecordJudgement judgement;
    const auto choice = dns::choose_txt_record(txt_records, form, judgement.problems);
    judgement.present = !choice.claimants.empty();
    for (const std::size_t i : choice.claimants) {
        auto record = RecordParser(static_cast<int>(i) + 1, judgement.problems).parse(txt_records[i]);
        if (choice.chosen) {
            judgement.record = std::move(record);
        }
    }
    return judgement;
}

std::string format_tlsrpt_record(const std::vector<std::string>& rua) {
    std::string out = "v=TLSRPTv1; rua=";
    for (std::size_t i = 0; i < rua.size(); ++i) {
        out += i == 0 ? "" : ",";
        for (const char c : rua[i]) {
            out += c == ',' ? "%2C" : c == '!' ? "%21" : c == ';' ? "%3B" : std::string(1, c);
        }
    }
    return out;
}

Result<dns::Name> tlsrpt_record_name(const dns::Name& policy_domain) {
    return policy_domain.prefixed("_smtp._tls");
}

}  // namespace postseal::tlsrpt
