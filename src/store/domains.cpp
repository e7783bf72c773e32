#include "store/domains.h"

#include <array>
#include <utility>

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

Result<void> done(const Result<Rows>& rows) {
    return rows ? Result<void>() : Result<void>(rows.error());
}

constexpr std::string_view domain_columns =
    "SELECT id, organisation, name, label, state, wanted_mode, added, verified, testing_since, cnames_until, "
    "verification, mx_watch, last_error FROM domain ";

Result<Domain> read_domain(const Row& row) {
    POSTSEAL_TRY(dns::Name name, dns::Name::parse_ascii(row.text(2)));
    const auto state = domain_state_from_string(row.text(4));
    const auto mode = mtasts::mode_from_string(row.text(5));
    if (!state || !mode) {
        return Error{Errc::internal, "table domain", "an unknown state or mode for " + name.text()};
    }
    return Domain{row.number(0), row.number(1), std::move(name),   row.text(3),       *state,
                  *mode,         row.time(6),   row.maybe_time(7), row.maybe_time(8), row.maybe_time(9),
                  row.text(10),  row.text(11),  row.text(12)};
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

Result<Domain> Domains::add(const Domain& domain) {
    POSTSEAL_TRY(
        const Rows rows,
        database_->query(
            "INSERT INTO domain (organisation, name, label, state, wanted_mode, added, verified, testing_since, "
            "cnames_until, verification, mx_watch, last_error) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id",
            {value(domain.organisation), value(domain.name.text()), value(domain.label), value(to_string(domain.state)),
             value(mtasts::to_string(domain.wanted_mode)), value(domain.added), value(domain.verified),
             value(domain.testing_since), value(domain.cnames_until), value(domain.verification),
             value(domain.mx_watch), value(domain.last_error)}));
    Domain added = domain;
    added.id = rows.at(0).number(0);
    return added;
}

Result<void> Domains::update(const Domain& domain) {
    return done(database_->query(
        "UPDATE domain SET state = $2, wanted_mode = $3, verified = $4, testing_since = $5, cnames_until = $6, "
        "verification = $7, mx_watch = $8, last_error = $9 WHERE id = $1",
        {value(domain.id), value(to_string(domain.state)), value(mtasts::to_string(domain.wanted_mode)),
         value(domain.verified), value(domain.testing_since), value(domain.cnames_until), value(domain.verification),
         value(domain.mx_watch), value(domain.last_error)}));
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

Result<std::vector<Domain>> Domains::all() {
    return read_domains(
        database_->query(std::string(domain_columns) + "WHERE state <> 'gone' ORDER BY id", std::vector<Value>{}));
}

Result<std::vector<Domain>> Domains::all_with_gone() {
    return read_domains(database_->query(std::string(domain_columns) + "ORDER BY id", std::vector<Value>{}));
}

Result<void> Domains::each_shown(const std::function<void(const Shown&)>& one) {
    return database_->each(
        "SELECT d.id, d.name, d.label, COALESCE(v.version, 0), COALESCE(v.body, ''), COALESCE((SELECT p.policy_id FROM "
        "policy_version p WHERE p.domain = d.id AND p.id_live IS NOT NULL ORDER BY p.version DESC LIMIT 1), '') "
        "FROM domain d LEFT JOIN policy_version v ON v.domain = d.id AND v.version = (SELECT MAX(m.version) FROM "
        "policy_version m WHERE m.domain = d.id) WHERE d.state <> 'gone' ORDER BY d.id",
        [&](const RowView& row) {
            one({row.number(0), row.text(1), row.text(2), row.number(3), row.text(4), row.text(5)});
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
