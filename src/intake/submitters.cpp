#include "intake/submitters.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/embedded.h"
#include "base/text.h"

namespace postseal::embedded {
EmbeddedFiles intake_data();
}

namespace postseal::intake {

namespace {

bool is_or_is_below(const dns::Name& name, const dns::Name& above) {
    return name.is_under(above);
}

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> out = split(text, ' ');
    std::erase_if(out, [](std::string_view word) { return word.empty(); });
    return out;
}

}  // namespace

Result<Submitters> Submitters::parse(std::string_view text) {
    Submitters submitters;
    std::size_t number = 0;
    for (const std::string_view line : split(text, '\n')) {
        ++number;
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        const std::string where = fmt::format("submitters.tsv line {}", number);
        const auto fields = split(line, '\t');
        constexpr std::size_t field_count = 4;
        if (fields.size() != field_count || (fields[3] != "sample" && fields[3] != "named")) {
            return invalid_input(where, "expected submitter, signing domains, mailboxes and \"sample\" or \"named\"");
        }
        KnownSubmitter known;
        const auto domain = dns::Name::parse(fields[0]);
        if (!domain || domain->is_root()) {
            return invalid_input(where, "the submitter is no domain");
        }
        known.domain = *domain;
        for (const std::string_view word : words(fields[1])) {
            const auto signs = dns::Name::parse(word);
            if (!signs || signs->is_root()) {
                return invalid_input(where, "a signing domain is none");
            }
            known.signs_as.push_back(*signs);
        }
        if (known.signs_as.empty()) {
            return invalid_input(where, "there is no signing domain");
        }
        if (fields[2] != "-") {
            for (const std::string_view word : words(fields[2])) {
                known.from.push_back(to_lower(word));
            }
        }
        submitters.all_.push_back(std::move(known));
    }
    return submitters;
}

Submitters Submitters::shipped() {
    for (const EmbeddedFile& file : embedded::intake_data()) {
        if (file.path == "submitters.tsv") {
            auto parsed = parse(file.bytes);  // a test reads it: it cannot fail in a program that was built
            return parsed ? std::move(*parsed) : Submitters();
        }
    }
    return {};
}

void Submitters::approve(const dns::Name& domain) {
    all_.push_back({domain, {domain}, {}});
}

bool Submitters::vouches(const dns::Name& submitter, const dns::Name& signing_domain,
                         std::string_view from_mailbox) const {
    return std::ranges::any_of(all_, [&](const KnownSubmitter& known) {
        return is_or_is_below(submitter, known.domain) &&
               std::ranges::any_of(known.signs_as,
                                   [&](const dns::Name& one) { return is_or_is_below(signing_domain, one); }) &&
               (known.from.empty() || std::ranges::find(known.from, to_lower(from_mailbox)) != known.from.end());
    });
}

}  // namespace postseal::intake
