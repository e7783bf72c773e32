// Organisations, users, their sessions in the panel and one-time sign-in links. Tokens are 256 random bits; only their
// SHA-256 is stored, so a stolen database signs nobody in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/database.h"

namespace postseal::store {

struct Organisation {
    std::int64_t id = 0;
    std::string name;
};

struct User {
    std::int64_t id = 0;
    std::int64_t organisation = 0;
    std::string name;
    std::string language;  // "en", "ru"; empty: not chosen
};

struct Session {
    std::string token_hash;  // hex
    User user;
    std::string csrf_token;  // sent back by the page in a header
    TimePoint expires;
};

class Accounts {
public:
    explicit Accounts(Database& database) : database_(&database) {}

    // The organisation of that name, made when absent.
    Result<Organisation> organisation(const std::string& name, TimePoint now);
    Result<std::vector<Organisation>> organisations();
    // The user of that name in the organisation, made when absent.
    Result<User> user(std::int64_t organisation, const std::string& name, TimePoint now);
    Result<void> set_language(std::int64_t user, const std::string& language);

    // A link's token, good once until `expires`.
    Result<std::string> make_sign_in_token(std::int64_t user, TimePoint expires);
    // Uses the token up and opens a session; returns the session's token (for the cookie). refused: unknown, used,
    // late.
    Result<std::string> sign_in(const std::string& sign_in_token, TimePoint now, TimePoint session_expires);
    // not_found: unknown or expired.
    Result<Session> session(const std::string& session_token, TimePoint now);
    Result<void> sign_out(const std::string& session_token);

private:
    Database* database_;
};

}  // namespace postseal::store
