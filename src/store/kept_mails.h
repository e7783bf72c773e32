// What arrived at the intake and does not count (design rules 17 and 18): no report, unsigned, absurd. Whole, with the
// reason, until somebody drops it or has it read again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dns/name.h"
#include "store/database.h"

namespace postseal::store {

struct KeptMail {
    std::int64_t id = 0;
    std::int64_t organisation = 0;    // 0: of nobody who is hosted here
    std::optional<dns::Name> domain;  // whom it is about, as far as that can be seen
    TimePoint received;
    TimePoint last_received;
    std::int64_t arrivals = 1;  // of the same bytes
    std::string via;            // "smtp", "lmtp", "https"
    std::string source;         // the peer, for people
    std::string sender;         // From, printable
    std::string subject;        // printable
    std::string reason;         // kebab-case and stable: "no-report", "unsigned", …
    std::string detail;         // one sentence
    std::int64_t raw_bytes = 0;
};

class KeptMails {
public:
    explicit KeptMails(Database& database) : database_(&database) {}

    // Durable when it returns. The same bytes again only count as one more arrival. `id`, `arrivals` and `raw_bytes` of
    // `mail` are not looked at. System only: whoever sends mail.
    Result<void> keep(const KeptMail& mail, const Bytes& raw);

    // Newest first; with an id smaller than `before` (0: from the newest on).
    Result<std::vector<KeptMail>> list(const std::vector<std::int64_t>& organisations, std::int64_t before,
                                       std::int64_t limit);
    Result<std::optional<KeptMail>> find(const std::vector<std::int64_t>& organisations, std::int64_t id);
    Result<Bytes> raw(const std::vector<std::int64_t>& organisations, std::int64_t id);
    // True: it was there.
    Result<bool> drop(const std::vector<std::int64_t>& organisations, std::int64_t id);

    struct Totals {
        std::int64_t count = 0;
        std::int64_t bytes = 0;
    };
    Result<Totals> totals();  // of the installation; system only

private:
    Database* database_;
};

}  // namespace postseal::store
