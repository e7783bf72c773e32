#include "store/accounts.h"

namespace postseal::store {

namespace {

constexpr std::size_t token_bytes = 32;

std::string new_token() {
    return to_base64url(random_bytes(token_bytes));
}

std::string hash_of(const std::string& token) {
    return to_hex(sha256(as_bytes(token)));
}

}  // namespace

Result<Organisation> Accounts::organisation(const std::string& name, TimePoint now) {
    POSTSEAL_TRY(const auto added, database_->query("INSERT INTO organisation (name, created) VALUES ($1, $2) "
                                                    "ON CONFLICT (name) DO NOTHING",
                                                    {value(name), value(now)}));
    (void)added;
    POSTSEAL_TRY(const Rows rows, database_->query("SELECT id FROM organisation WHERE name = $1", {value(name)}));
    return Organisation{rows.at(0).number(0), name};
}

Result<std::vector<Organisation>> Accounts::organisations() {
    POSTSEAL_TRY(const Rows rows, database_->query("SELECT id, name FROM organisation ORDER BY id"));
    std::vector<Organisation> out;
    for (const Row& row : rows) {
        out.push_back({row.number(0), row.text(1)});
    }
    return out;
}

Result<User> Accounts::user(std::int64_t organisation, const std::string& name, TimePoint now) {
    POSTSEAL_TRY(
        const auto added,
        database_->query("INSERT INTO app_user (organisation, name, language, created) VALUES ($1, $2, '', $3) "
                         "ON CONFLICT (organisation, name) DO NOTHING",
                         {value(organisation), value(name), value(now)}));
    (void)added;
    POSTSEAL_TRY(const Rows rows,
                 database_->query("SELECT id, language FROM app_user WHERE organisation = $1 AND name = $2",
                                  {value(organisation), value(name)}));
    return User{rows.at(0).number(0), organisation, name, rows.at(0).text(1)};
}

Result<void> Accounts::set_language(std::int64_t user, const std::string& language) {
    auto done = database_->query("UPDATE app_user SET language = $1 WHERE id = $2", {value(language), value(user)});
    return done ? Result<void>() : Result<void>(done.error());
}

Result<std::string> Accounts::make_sign_in_token(std::int64_t user, TimePoint expires) {
    const std::string token = new_token();
    POSTSEAL_TRY(const auto done,
                 database_->query("INSERT INTO sign_in_token (token_hash, user_id, expires) VALUES ($1, $2, $3)",
                                  {value(hash_of(token)), value(user), value(expires)}));
    (void)done;
    return token;
}

Result<std::string> Accounts::sign_in(const std::string& sign_in_token, TimePoint now, TimePoint session_expires) {
    std::string token;
    auto done = database_->transaction([&]() -> Result<void> {
        // Taking the row away is the check: of two racing requests only one gets it.
        POSTSEAL_TRY(const Rows rows,
                     database_->query("DELETE FROM sign_in_token WHERE token_hash = $1 RETURNING user_id, expires",
                                      {value(hash_of(sign_in_token))}));
        if (rows.empty() || rows[0].time(1) <= now) {
            return Error{Errc::refused, "sign-in link", "it was used already, has expired, or is not complete"};
        }
        token = new_token();
        POSTSEAL_TRY(
            const auto added,
            database_->query(
                "INSERT INTO session (token_hash, user_id, csrf_token, expires) VALUES ($1, $2, $3, $4)",
                {value(hash_of(token)), value(rows[0].number(0)), value(new_token()), value(session_expires)}));
        (void)added;
        return {};
    });
    if (!done) {
        return done.error();
    }
    return token;
}

Result<Session> Accounts::session(const std::string& session_token, TimePoint now) {
    POSTSEAL_TRY(
        const Rows rows,
        database_->query("SELECT s.token_hash, s.csrf_token, s.expires, u.id, u.organisation, u.name, u.language "
                         "FROM session s JOIN app_user u ON u.id = s.user_id WHERE s.token_hash = $1",
                         {value(hash_of(session_token))}));
    if (rows.empty() || rows[0].time(2) <= now) {
        return Error{Errc::not_found, "session", "unknown or expired"};
    }
    const Row& row = rows[0];
    return Session{row.text(0), User{row.number(3), row.number(4), row.text(5), row.text(6)}, row.text(1), row.time(2)};
}

Result<void> Accounts::sign_out(const std::string& session_token) {
    auto done = database_->query("DELETE FROM session WHERE token_hash = $1", {value(hash_of(session_token))});
    return done ? Result<void>() : Result<void>(done.error());
}

}  // namespace postseal::store
