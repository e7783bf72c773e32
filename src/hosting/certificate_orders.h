// The certificates of this installation: which CA is asked, when, and what stands in the way (rule 7; RFC 8555, 9773).
// Accounts and fail-over, the budget of each CA and the queue before it, the preflight, patience after a failure,
// renewal information.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "hosting/acme_client.h"
#include "hosting/certificate_status.h"
#include "hosting/order_budget.h"
#include "hosting/parts.h"
#include "hosting/preflight.h"
#include "net/await.h"
#include "store/acme_ledger.h"

namespace postseal::hosting {

struct OrdersSettings {
    std::vector<AcmeSettings> acme;  // in order of preference
    PreflightSettings preflight;
    bool only_process = true;  // nobody else orders for the names in this store
    bool orders = true;        // this process does: what was ordered before is read at the start
};

// Everything on the loop, unless it says otherwise. What is awaited here must not outlive this object.
class CertificateOrders {
public:
    CertificateOrders(const JobsParts& parts, OrdersSettings settings);
    CertificateOrders(const CertificateOrders&) = delete;
    CertificateOrders& operator=(const CertificateOrders&) = delete;

    // Makes the accounts that are not there yet, and names them in CAA. True: there is one more than before.
    net::asio::awaitable<bool> prepare_accounts();
    [[nodiscard]] bool any_account() const;
    // No account yet, but one is being made.
    [[nodiscard]] bool being_prepared() const { return !any_account() && preparing_; }

    // There is none, it is not shown, or it is time to renew it.
    [[nodiscard]] bool wanted(const dns::Name& host, const std::optional<store::Certificate>& certificate) const;
    // From the first CA that gives one: stored, then shown. Errors: limit_exceeded (it waits for its turn; that is no
    // failure), otherwise the last CA's words, or why nothing was ordered.
    net::asio::awaitable<Result<void>> issue(dns::Name host);
    // After a failed order, or while it waits for its turn: when the next one is tried.
    [[nodiscard]] std::optional<TimePoint> next_try(const dns::Name& host) const;
    // The owner says that he has repaired what the preflight found: the next try is now. What a CA refused keeps its
    // pause.
    void repaired(const dns::Name& host);
    // The name has left.
    void forget(const dns::Name& host);

    // Asks the CAs about the certificates whose answers have grown old (RFC 9773 §4.3), and tells of those that cannot
    // be renewed.
    net::asio::awaitable<void> keep_up();
    // Every account goes on under a new key (RFC 8555 §7.3.5). Error: of the first CA that did not take it.
    void roll_account_keys(std::function<void(Result<void>)> done);
    void cancel() { preflight_.cancel(); }

    [[nodiscard]] CertificateStatus status(const dns::Name& host) const;
    // Of every host given; one walk through the queue for all of them.
    [[nodiscard]] std::vector<CertificateStatus> statuses(const std::vector<dns::Name>& hosts) const;
    [[nodiscard]] std::vector<CaStatus> cas() const;
    [[nodiscard]] QueueStatus queue() const;
    [[nodiscard]] CertificateFigures figures() const;  // any thread

private:
    struct Ca {
        std::unique_ptr<AcmeClient> client;
        OrderBudget budget{BudgetLimits{}};
        bool ready = false;  // has an account
        std::string problem;
        int failures = 0;  // in a row, of the CA itself
        std::optional<TimePoint> down_until;
        std::size_t first_orders_running = 0;
        std::set<dns::Name> rate_limited;  // names in a row that it would not take
    };
    struct Entry {
        store::CertificateOrder row;
        std::optional<store::CertificateDates> dates;
        bool running = false;
        bool failed_preflight = false;
        std::optional<TimePoint> wait_until;
        std::string wait_words;
        std::uint64_t ticket = 0;                    // in the queue; 0 = not waiting
        std::map<std::size_t, TimePoint> postponed;  // by CA
        std::optional<TimePoint> told_overdue;
    };
    struct Candidate {
        std::size_t ca = 0;
        OrderKind kind = OrderKind::first;
        std::string replaces;
    };
    struct Choice {
        std::vector<Candidate> candidates;
        std::optional<TimePoint> until;  // the earliest moment at which there is one more
        std::string words;
        bool by_limit = false;  // it is a limit that keeps the first CA away
    };

    [[nodiscard]] TimePoint now() const { return parts_.clock.now(); }
    void load();
    void name_account(const AcmeClient& ca, const std::string& url);
    Entry& entry(const dns::Name& host);
    void keep(const Entry& entry);
    [[nodiscard]] std::optional<TimePoint> renewal_of(const Entry& entry) const;
    [[nodiscard]] Choice choose(const dns::Name& host, Entry& entry);
    void queue_up(const dns::Name& host, Entry& entry, const Choice& choice);
    void leave_queue(Entry& entry);
    bool is_in_front(const Entry& entry, std::size_t places);
    [[nodiscard]] OrderKind kind_at(const Entry& entry, std::size_t ca) const;
    void note(Ca& ca, BudgetEvent event, const dns::Name& host, OrderKind kind);
    void note_ca_failure(Ca& ca, const IssueOutcome& outcome, const dns::Name& host);
    net::asio::awaitable<Result<void>> order(dns::Name host, Choice choice);
    net::asio::awaitable<PreflightFacts> preflight(dns::Name host, Choice choice);
    [[nodiscard]] PreflightVerdict judge(const PreflightFacts& facts, const Candidate& candidate) const;
    [[nodiscard]] bool passes(const PreflightFacts& facts, const Choice& choice) const;
    Result<void> take(Ca& ca, const store::Certificate& certificate, bool renewal);
    void note_failure(const dns::Name& host, const Error& error, bool preflight);
    net::asio::awaitable<void> ask_about(dns::Name host, std::size_t ca);
    void tell_overdue();
    enum class Publish { now, at_most_each_second };
    void publish_figures(Publish when);

    JobsParts parts_;
    OrdersSettings settings_;
    Preflight preflight_;
    std::vector<Ca> cas_;
    std::string account_problem_ = "the ACME account is being made";
    bool preparing_ = false;
    bool asking_ = false;
    std::map<dns::Name, Entry> entries_;
    std::map<std::uint64_t, dns::Name> queue_;  // by ticket
    std::uint64_t tickets_ = 0;
    TimePoint events_pruned_;
    std::chrono::steady_clock::time_point figures_published_;
    Guarded<CertificateFigures> figures_;
};

}  // namespace postseal::hosting
