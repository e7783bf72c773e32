#include "dns/txt_fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace postseal::dns {

namespace {

constexpr std::size_t field_name_max = 32;
constexpr std::size_t record_bytes_max = 65'535;  // RFC 1035 §3.2.1: RDLENGTH

void add(Problems& problems, const TxtForm& form, int line, Severity severity, std::string code, std::string message) {
    problems.push_back({line, severity, std::move(code), std::move(message), std::string(form.rfc)});
}

bool is_name_char(char c) {
    return is_alnum(c) || c == '_' || c == '-' || c == '.';
}

std::string without_blanks(std::string_view text) {
    std::string out;
    std::copy_if(text.begin(), text.end(), std::back_inserter(out), [](char c) { return !is_wsp(c) && c != '"'; });
    return out;
}

// Why a record that does not begin with the version was probably meant to; nothing for somebody else's record.
std::optional<std::string> near_miss(std::string_view record, const TxtForm& form) {
    if (record.starts_with(form.version)) {
        const auto rest = trim_wsp(record.substr(form.version.size()));
        return rest.empty() ? fmt::format("nothing follows \"{}\"", form.version)
                            : fmt::format("\"{}\" must be followed by \";\"", form.version);
    }
    const auto head = without_blanks(record.substr(0, 64));
    if (istarts_with(head, form.version)) {
        return record.front() == '"' ? std::string("quotation marks are part of zone files, not of the record")
               : head.starts_with(form.version)
                   ? fmt::format("no blank may stand before or inside \"{}\"", form.version)
                   : fmt::format("\"{}\" must be written exactly so, in this case of letters", form.version);
    }
    if (record.find(form.version) != std::string_view::npos) {
        return fmt::format("\"{}\" must come first", form.version);
    }
    return std::nullopt;
}

}  // namespace

bool has_version(std::string_view record, const TxtForm& form) {
    if (!record.starts_with(form.version)) {
        return false;
    }
    record.remove_prefix(form.version.size());
    return trim_wsp(record).starts_with(';');
}

TxtChoice choose_txt_record(std::span<const std::string> records, const TxtForm& form, Problems& problems) {
    TxtChoice choice;
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (has_version(records[i], form)) {
            choice.claimants.push_back(i);
        }
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
        const int line = static_cast<int>(i) + 1;
        if (records[i].empty() || has_version(records[i], form)) {
            continue;
        }
        if (const auto why = near_miss(records[i], form)) {
            add(problems, form, line, choice.claimants.empty() ? Severity::error : Severity::warning,
                "version-not-exact",
                fmt::format("TXT record {} (\"{}\") does not count as {} {} record: {}", line,
                            printable(records[i], 60), form.article, form.noun, *why));
        } else {
            add(problems, form, line, Severity::warning, "other-record",
                fmt::format("TXT record {} (\"{}\") is not {} {} record and is passed over", line,
                            printable(records[i], 60), form.article, form.noun));
        }
    }
    if (choice.claimants.empty()) {
        add(problems, form, 1, Severity::error, "record-missing",
            fmt::format("no TXT record begins with \"{};\": the domain has no {} record", form.version, form.noun));
    } else if (choice.claimants.size() > 1) {
        // Equal ones count too: the RFCs speak of the number of records.
        const int line = static_cast<int>(choice.claimants[1]) + 1;
        add(problems, form, line, Severity::error, "multiple-records",
            fmt::format("{} TXT records begin with \"{}\", exactly one must: senders act as if there were none",
                        choice.claimants.size(), form.version));
    } else {
        choice.chosen = choice.claimants.front();
    }
    return choice;
}

std::optional<std::string> txt_value_fault(std::string_view value) {
    if (value.empty()) {
        return "the value is empty";
    }
    for (const char c : value) {
        if (is_wsp(c)) {
            return "a blank in the value";
        }
        if (c == '=') {
            return "\"=\" in the value";
        }
        if (c == ';' || static_cast<unsigned char>(c) < 0x21 || static_cast<unsigned char>(c) > 0x7e) {
            return "a character in the value that is not printable ASCII";
        }
    }
    return std::nullopt;
}

std::string txt_field_place(int line, const TxtField& field) {
    return fmt::format("TXT record {}, field {} (\"{}\")", line, field.number, printable(field.name, 40));
}

namespace {

// The first octet that cannot stand anywhere in the record, as code and message.
std::optional<std::pair<std::string, std::string>> octet_fault(std::string_view record) {
    for (std::size_t i = 0; i < record.size(); ++i) {
        const auto octet = static_cast<unsigned char>(record[i]);
        if (octet >= 0x80) {
            return std::pair("not-ascii", fmt::format("octet {}: 0x{:02x} is not ASCII", i + 1, octet));
        }
        if ((octet < 0x20 && octet != '\t') || octet == 0x7f) {
            return std::pair("control-character", fmt::format("octet {}: control character 0x{:02x}", i + 1, octet));
        }
    }
    return std::nullopt;
}

// ext-name = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".")
std::optional<std::string> name_fault(std::string_view name) {
    if (name.empty()) {
        return "no name before \"=\"";
    }
    if (is_wsp(name.back())) {
        return "blank before \"=\"";
    }
    if (name.size() > field_name_max) {
        return "a name longer than 32 characters";
    }
    if (!is_alnum(name.front())) {
        return "a name must begin with a letter or digit";
    }
    if (!std::all_of(name.begin(), name.end(), is_name_char)) {
        return "a name holds only letters, digits, \"_\", \"-\" and \".\"";
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::vector<TxtField>> split_txt_fields(std::string_view record, const TxtForm& form, int line,
                                                      Problems& problems) {
    const auto error = [&](std::string code, std::string_view message) {
        add(problems, form, line, Severity::error, std::move(code), fmt::format("TXT record {}{}", line, message));
    };
    if (record.size() > record_bytes_max) {
        error("record-too-long", fmt::format(": {} octets, a TXT record holds at most 65535", record.size()));
        return std::nullopt;
    }
    if (const auto fault = octet_fault(record)) {
        error(fault->first, ", " + fault->second);
        return std::nullopt;
    }
    const std::string_view rest = record.substr(form.version.size());
    if (!rest.starts_with(';')) {
        add(problems, form, line, Severity::warning, "blank-before-semicolon",
            fmt::format(
                "TXT record {}: blank between \"{}\" and \";\": the grammar allows it, but some senders take the "
                "record for somebody else's",
                line, form.version));
    }

    auto parts = split(rest, ';');  // the first is what stands before the first ";"
    if (parts.size() == 2 && trim_wsp(parts.back()).empty()) {
        return std::vector<TxtField>{};  // "v=STSv1;": no field at all, and the caller says which one is missing
    }
    if (trim_wsp(parts.back()).empty()) {
        parts.pop_back();  // one delimiter may end the record
    } else if (is_wsp(parts.back().back())) {
        error("trailing-blank", ": ends in a blank, but blanks may stand only beside \";\"");
    }
    std::vector<TxtField> fields;
    for (std::size_t i = 1; i < parts.size(); ++i) {
        const auto part = trim_wsp(parts[i]);
        const auto fault = [&](std::string code, std::string_view why) {
            error(std::move(code), fmt::format(", field {} (\"{}\"): {}", i, printable(part, 40), why));
        };
        const auto equals = part.find('=');
        if (part.empty()) {
            fault("empty-field", "nothing between two \";\"");
        } else if (equals == std::string_view::npos) {
            fault("field-without-value", "no \"=\"");
        } else if (const auto bad_name = name_fault(part.substr(0, equals))) {
            fault("field-name-invalid", *bad_name);
        } else {
            fields.push_back({static_cast<int>(i), part.substr(0, equals), part.substr(equals + 1)});
        }
    }
    return fields;
}

}  // namespace postseal::dns
