#include "store/domains.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace postseal::store {

namespace {

constexpr std::array<std::pair<DomainState, std::string_view>, 10> states = {{{DomainState::pending, "pending"},
                                                                              {DomainState::verified, "verified"},
                                                                              {DomainState::certificate, "certificate"},
                                                                              {DomainState::testing, "testing"},
                                                                              {DomainState::ready, "ready"},
                                                                              {DomainState::enforce, "enforce"},
                                                                              {DomainState::retiring, "retiring"},
                                                                              {DomainState::gone, "gone"},
                                                                              {DomainState::paused, "paused"},
                                                                              {DomainState::monitored, "monitored"}}};

constexpr std::array<std::pair<Uses, std::string_view>, 4> all_uses = {
    {{Uses::both, "both"}, {Uses::mta_sts, "mta-sts"}, {Uses::tls_rpt, "tls-rpt"}, {Uses::watch, "watch"}}};

// URIs hold no blanks.
std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (const std::string_view line : split(text, '\n')) {
        if (!line.empty()) {
            lines.emplace_back(line);
        }
    }
    return lines;
}

Result<void> done(const Result<Rows>& rows) {
    return rows ? Result<void>() : Result<void>(rows.error());
}

constexpr std::string_view domain_columns =
    "SELECT id, organisation, name, label, state, wanted_mode, added, verified, testing_since, cnames_until, "
    "verification, mx_watch, last_error, uses, own_rua, cnames_lost, imported, elsewhere, record_removed FROM domain ";

Result<Domain> read_domain(const Row& row) {
    POSTSEAL_TRY(dns::Name name, dns::Name::parse_ascii(row.text(2)));
    const auto state = domain_state_from_string(row.text(4));
    const auto mode = mtasts::mode_from_string(row.text(5));
    const auto uses = uses_from_string(row.text(13));
    if (!state || !mode || !uses) {
        return Error{Errc::internal, "table domain", "an unknown state, mode or use for " + name.text()};
    }
    Domain domain;
    domain.id = row.number(0);
    domain.organisation = row.number(1);
    domain.name = std::move(name);
    domain.label = row.text(3);
    domain.state = *state;
    domain.wanted_mode = *mode;
    domain.added = row.time(6);
    domain.verified = row.maybe_time(7);
    domain.testing_since = row.maybe_time(8);
    domain.cnames_until = row.maybe_time(9);
    domain.verification = row.text(10);
    domain.mx_watch = row.text(11);
    domain.last_error = row.text(12);
    domain.uses = *uses;
    domain.own_rua = lines_of(row.text(14));
    domain.cnames_lost = row.maybe_time(15);
    domain.imported = row.text(16);
    domain.elsewhere = row.text(17);
    domain.record_removed = row.number(18) != 0;
    return domain;
}

Result<std::vector<Domain>> read_domains(const Result<Rows>& rows) {
    if (!rows) {
        return rows.error();
    }
    std::vector<Domain> out;
    for (const Row& row : *rows) {
        POSTSEAL_TRY(Domain domain, read_domain(row));
        out.push_back(std::move(domain));
    }
    return out;
}

Result<std::optional<Domain>> read_first(const Result<Rows>& rows) {
    POSTSEAL_TRY(std::vector<Domain> all, read_domains(rows));
    return all.empty() ? std::nullopt : std::optional(std::move(all.front()));
}

}  // namespace

std::string_view to_string(DomainState state) {
    for (const auto& [known, text] : states) {
        if (known == state) {
            return text;
        }
    }
    return "unknown";
}

std::optional<DomainState> domain_state_from_string(std::string_view text) {
    for (const auto& [state, known] : states) {
        if (known == text) {
            return state;
        }
    }
    return std::nullopt;
}

std::string_view to_string(Uses uses) {
    const auto* found = std::ranges::find(all_uses, uses, &std::pair<Uses, std::string_view>::first);
    return found == all_uses.end() ? "unknown" : found->second;
}

std::optional<Uses> uses_from_string(std::string_view text) {
    const auto* found = std::ranges::find(all_uses, text, &std::pair<Uses, std::string_view>::second);
    return found == all_uses.end() ? std::nullopt : std::optional(found->first);
}

Result<Domain> Domains::add(const Domain& domain) {
    POSTSEAL_TRY(
        const Rows rows,
        database_->query(
            "INSERT INTO domain (organisation, name, label, state, wanted_mode, added, verified, testing_since, "
            "cnames_until, verification, mx_watch, last_error, uses, own_rua, cnames_lost, imported, elsewhere, "
            "record_removed) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) RETURNING id",
            {value(domain.organisation), value(domain.name.text()), value(domain.label), value(to_string(domain.state)),
             value(mtasts::to_string(domain.wanted_mode)), value(domain.added), value(domain.verified),
             value(domain.testing_since), value(domain.cnames_until), value(domain.verification),
             value(domain.mx_watch), value(domain.last_error), value(to_string(domain.uses)),
             value(join(domain.own_rua, "\n")), value(domain.cnames_lost), value(domain.imported),
             value(domain.elsewhere), value(std::int64_t{domain.record_removed ? 1 : 0})}));
    Domain added = domain;
    added.id = rows.at(0).number(0);
    return added;
}

Result<void> Domains::update(const Domain& domain) {
    return done(database_->query(
        "UPDATE domain SET state = $2, wanted_mode = $3, verified = $4, testing_since = $5, cnames_until = $6, "
        "verification = $7, mx_watch = $8, last_error = $9, uses = $10, own_rua = $11, cnames_lost = $12, "
        "imported = $13, elsewhere = $14, record_removed = $15 WHERE id = $1",
        {value(domain.id), value(to_string(domain.state)), value(mtasts::to_string(domain.wanted_mode)),
         value(domain.verified), value(domain.testing_since), value(domain.cnames_until), value(domain.verification),
         value(domain.mx_watch), value(domain.last_error), value(to_string(domain.uses)),
         value(join(domain.own_rua, "\n")), value(domain.cnames_lost), value(domain.imported), value(domain.elsewhere),
         value(std::int64_t{domain.record_removed ? 1 : 0})}));
}

Result<std::optional<Domain>> Domains::find(std::int64_t organisation, const dns::Name& name) {
    // A domain that was added again while its old label retires: the live one first.
    return read_first(database_->query(
        std::string(domain_columns) +
            "WHERE organisation = $1 AND name = $2 AND state <> 'gone' ORDER BY (state = 'retiring'), id DESC LIMIT 1",
        {value(organisation), value(name.text())}));
}

Result<std::optional<Domain>> Domains::find_by_label(const std::string& label) {
    return read_first(database_->query(std::string(domain_columns) + "WHERE label = $1", {value(label)}));
}

Result<std::vector<Domain>> Domains::list(std::int64_t organisation) {
    return read_domains(
        database_->query(std::string(domain_columns) + "WHERE organisation = $1 AND state <> 'gone' ORDER BY name, id",
                         {value(organisation)}));
}

Result<std::vector<Domain>> Domains::with_name(const dns::Name& name) {
    return read_domains(database_->query(
        std::string(domain_columns) + "WHERE name = $1 AND state <> 'gone' ORDER BY id", {value(name.text())}));
}

Result<std::vector<Domain>> Domains::all() {
    return read_domains(
        database_->query(std::string(domain_columns) + "WHERE state <> 'gone' ORDER BY id", std::vector<Value>{}));
}

Result<std::vector<Domain>> Domains::all_with_gone() {
    return read_domains(database_->query(std::string(domain_columns) + "ORDER BY id", std::vector<Value>{}));
}

Result<void> Domains::each_shown(const std::function<void(const Shown&)>& one) {
    return database_->each(
        "SELECT d.id, d.name, d.label, COALESCE(v.version, 0), COALESCE(v.body, ''), CASE WHEN d.record_removed <> 0 "
        "THEN '' ELSE COALESCE((SELECT p.policy_id FROM policy_version p WHERE p.domain = d.id AND p.id_live IS NOT "
        "NULL "
        "ORDER BY p.version DESC LIMIT 1), '') END, d.uses, d.own_rua "
        "FROM domain d LEFT JOIN policy_version v ON v.domain = d.id AND v.version = (SELECT MAX(m.version) FROM "
        "policy_version m WHERE m.domain = d.id) WHERE d.state <> 'gone' "
        "ORDER BY CASE WHEN d.state = 'retiring' THEN 0 ELSE 1 END, d.id",
        [&](const RowView& row) {
            one({row.number(0), row.text(1), row.text(2), row.number(3), row.text(4), row.text(5),
                 uses_from_string(row.text(6)).value_or(Uses::both), lines_of(std::string(row.text(7)))});
        });
}

Result<void> Domains::add_version(const PolicyVersion& version) {
    return done(database_->query(
        "INSERT INTO policy_version (domain, version, mode, max_age_s, body, policy_id, made, body_live, id_live, "
        "last_served) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        {value(version.domain), value(version.version), value(mtasts::to_string(version.mode)),
         value(version.max_age_s), value(version.body), value(version.policy_id), value(version.made),
         value(version.body_live), value(version.id_live), value(version.last_served)}));
}

Result<void> Domains::update_version(const PolicyVersion& version) {
    return done(database_->query(
        "UPDATE policy_version SET body_live = $3, id_live = $4, last_served = $5 WHERE domain = $1 AND version = $2",
        {value(version.domain), value(version.version), value(version.body_live), value(version.id_live),
         value(version.last_served)}));
}

Result<std::vector<PolicyVersion>> Domains::versions(std::int64_t domain) {
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT domain, version, mode, max_age_s, body, policy_id, made, body_live, id_live, "
                                  "last_served FROM policy_version WHERE domain = $1 ORDER BY version",
                                  {value(domain)}));
    std::vector<PolicyVersion> out;
    for (const Row& row : rows) {
        const auto mode = mtasts::mode_from_string(row.text(2));
        if (!mode) {
            return Error{Errc::internal, "table policy_version", "an unknown mode"};
        }
        out.push_back({row.number(0), row.number(1), *mode, row.number(3), row.text(4), row.text(5), row.time(6),
                       row.maybe_time(7), row.maybe_time(8), row.maybe_time(9)});
    }
    return out;
}

}  // namespace postseal::store
