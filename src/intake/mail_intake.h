// TLS reports that come by mail (RFC 8460 §3, §5.3), by SMTP or LMTP: read, their signatures verified, counted or kept
// aside. What is acknowledged is in the store.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/log.h"
#include "base/time.h"
#include "intake/dkim_verify.h"
#include "intake/submitters.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "net/smtp_server.h"
#include "store/store.h"
#include "tlsrpt/read.h"

namespace postseal::intake {

constexpr std::size_t mail_bytes_max = std::size_t{25} << 20;  // give it to SmtpServerSettings

struct MailIntakeSettings {
    Submitters submitters = Submitters::shipped();
    DkimRules dkim;
    tlsrpt::ReadLimits limits;
    std::int64_t kept_bytes_max = std::int64_t{1} << 30;  // more is not taken (452), reports that count still are
    // Of one address in an hour; behind it its mail is refused for a while (451). For LMTP, where all come from our own
    // mail server, it does not hold.
    std::size_t uncounted_per_address_and_hour = 100;
    std::size_t waiting_max = 64;  // mails in memory that are being read; more are refused for a while
};

struct MailIntakeCounters {
    std::atomic<std::uint64_t> stored = 0;      // reports
    std::atomic<std::uint64_t> duplicates = 0;  // reports
    std::atomic<std::uint64_t> kept = 0;        // mails
    std::atomic<std::uint64_t> deferred = 0;    // mails that were refused for a while
};

// One mail, wherever it came from.
struct ArrivedMail {
    TimePoint received;
    std::string via;                     // "smtp", "lmtp", "imap"
    std::optional<dns::IpAddress> peer;  // none on a unix socket
    std::string peer_name;               // that its PTR gives and that leads back to it; "" = none
    std::string envelope_from;
    std::vector<std::string> recipients;
    std::string data;    // CRLF lines
    std::string source;  // for people; "": of `peer` and `peer_name`
    bool is_kept_already = false;
};

// Looked up while somebody waits: both may block for some seconds, and are called on the intake's own threads.
struct MailLookups {
    DkimKeyLookup dkim_key;
    std::function<std::optional<dns::Name>(const dns::IpAddress&)> confirmed_name;  // RFC 8601 §3 "iprev"
};
// By our validating resolver; it must outlive them. A bogus or unanswered key is "unknown".
MailLookups lookups_of(net::Resolver& resolver);

class MailIntake {
public:
    using Observer = std::function<void(const store::Domain&)>;

    MailIntake(store::Store& store, MailLookups lookups, const Clock& clock, Log& log, MailIntakeSettings settings);
    MailIntake(const MailIntake&) = delete;
    MailIntake& operator=(const MailIntake&) = delete;
    ~MailIntake();
    // Finishes the mails that have begun. Nothing is answered behind it.
    void stop();

    // `via`: "smtp" or "lmtp".
    [[nodiscard]] net::SmtpServer::Handler handler(std::string via);
    // Told of each domain for which a report was stored; on whatever thread that is.
    void observe(Observer observer);

    struct Outcome {
        enum class Kind { counted, kept, try_later };
        Kind kind = Kind::try_later;
        std::size_t stored = 0;
        std::size_t duplicates = 0;
        std::string reason;  // kept: its code; try_later: "dns", "store", "full", "too-many"
        std::string detail;
    };
    // Durable when it returns. Blocks.
    Outcome take(const ArrivedMail& mail);
    // A kept mail once more, as if it came now; the row goes when it counts. On the operator's word (`accept`) neither
    // signature nor figures are asked about, and the reports are stored with his trust. Errors: not_found (by
    // organisation), and those of the store.
    enum class Review { same_rules, accept };
    Result<Outcome> retry(const std::vector<std::int64_t>& organisations, std::int64_t id, Review review);

    [[nodiscard]] const MailIntakeCounters& counters() const { return counters_; }

private:
    struct Reading;
    Outcome read(const ArrivedMail& mail, Review review);
    Outcome store_reports(const ArrivedMail& mail, const std::vector<Reading>& readings, Review review);
    Outcome keep(const ArrivedMail& mail, const Outcome& why, const std::optional<tlsrpt::ReadInput>& input);
    [[nodiscard]] Result<std::optional<std::string>> oddity(const store::NewReport& report);
    bool is_over_limit(const ArrivedMail& mail);
    void note_uncounted(const ArrivedMail& mail);

    store::Store* store_;
    MailLookups lookups_;
    const Clock* clock_;
    Log* log_;
    MailIntakeSettings settings_;
    MailIntakeCounters counters_;
    Guarded<Observer> observer_;
    struct Uncounted {
        TimePoint hour;
        std::size_t count = 0;
    };
    Guarded<std::map<dns::IpAddress, Uncounted>> uncounted_;
    std::atomic<std::size_t> waiting_ = 0;
    net::WorkPool pool_;
};

}  // namespace postseal::intake
