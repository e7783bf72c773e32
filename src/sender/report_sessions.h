// The sessions that carried our own reports are not counted (RFC 8460 §3, RPT-014; design rule 15): else a report to a
// domain makes the next day's report, for ever. A datagram does not say what its session carried, so the reporter notes
// each mail that it hands to a mail server (store/handed_reports.h), and one session with that domain is taken off.
//
// Which one? A report asks for no TLS policy (TLS-Required: No, RFC 8689), and Postfix 3.10 then looks none up: its
// session comes as no-policy-found. Such a one is it. A session under a policy may be it (an MTA that does not know the
// field): it is kept back until one without comes, and counted then; else it was the report's. Of a domain where one
// without has come, none under a policy is kept back any more.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "store/handed_reports.h"
#include "tlsrpt/datagram.h"

namespace postseal::sender {

// How long after its hand-over a report is expected to have its session: greylisting makes a server come again within
// hours. One that never has a session that a datagram tells of (a connection used again, no TLSRPT record) would take
// off another's.
constexpr std::chrono::hours report_session_within{4};

// One thread, which may wait for the store.
class ReportSessions {
public:
    ReportSessions(store::HandedReports& notes, const Clock& clock, Log& log)
        : notes_(&notes), clock_(&clock), log_(&log) {}

    // Reads what has been noted since; before the sessions that arrived since are judged. Where the store does not
    // answer, what is known counts.
    void refresh();
    // Whether reports are under way, at all and to that domain; if not, there is nothing to judge.
    [[nodiscard]] bool expects_any() const { return !open_.empty(); }
    [[nodiscard]] bool expects(const dns::Name& domain) const { return open_.contains(domain.text()); }
    // Whether the session is not to be counted: it carried a report, or may have, and is kept back.
    bool keeps_back(Day day, const tlsrpt::Session& session);
    // What was kept back and is to be counted after all.
    std::vector<std::pair<Day, tlsrpt::Session>> take_released();
    // Sessions that carried reports, so far; those that are kept back are not among them yet.
    [[nodiscard]] std::uint64_t taken_off() const { return taken_off_; }
    [[nodiscard]] std::size_t kept_back() const;

private:
    struct Kept {
        Day day;
        tlsrpt::Session session;
    };
    struct Note {
        store::HandedReport report;
        bool another_guessed = false;  // another process keeps back a session for it
        std::optional<Kept> kept;      // ours
    };
    struct Notes {
        std::vector<Note> list;  // the oldest first
        bool come_under_no_policy = false;
    };

    [[nodiscard]] bool is_over(const Note& note, TimePoint now) const;
    // Nothing: the store does not say. The session is counted then: better one too many than one lost.
    std::optional<bool> claim(const Note& note, store::ReportClaim how);
    bool take_certain(Notes& notes);
    bool take_guessed(Notes& notes, Day day, const tlsrpt::Session& session);
    void release(Note& note);
    void drop_over();
    void look_at_kept(std::chrono::steady_clock::time_point now);

    store::HandedReports* notes_;
    const Clock* clock_;
    Log* log_;
    std::unordered_map<std::string, Notes> open_;  // by domain
    std::unordered_set<std::string> known_;        // message ids in open_
    std::vector<std::pair<Day, tlsrpt::Session>> released_;
    std::int64_t newest_ = 0;
    std::uint64_t taken_off_ = 0;
    std::chrono::steady_clock::time_point next_try_{};
    std::chrono::steady_clock::time_point next_look_{};
    bool complained_ = false;
};

}  // namespace postseal::sender
