#include "sender/report_sessions.h"

#include <algorithm>

#include "tlsrpt/result_type.h"

namespace postseal::sender {

namespace {

using store::ReportClaim;

constexpr std::string_view component = "collector";
constexpr std::int64_t numbers_out_of_order = 100;  // hand-overs of all reporters that are being noted at one time
constexpr std::chrono::seconds try_again{1};
constexpr std::chrono::seconds look_again{2};

bool under_no_policy(const tlsrpt::Session& session) {
    return std::all_of(session.policies.begin(), session.policies.end(), [](const tlsrpt::SessionPolicy& policy) {
        return policy.policy.policy_type == tlsrpt::to_string(tlsrpt::PolicyType::no_policy_found);
    });
}

}  // namespace

bool ReportSessions::is_over(const Note& note, TimePoint now) const {
    // A note from the future: [lab] clock_offset_s has been set back.
    return note.report.at + report_session_within < now || note.report.at > now + report_session_within;
}

void ReportSessions::refresh() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_try_) {
        return;
    }
    const auto fresh = notes_->open_after(std::max<std::int64_t>(0, newest_ - numbers_out_of_order));
    if (!fresh) {
        next_try_ = now + try_again;
        if (!std::exchange(complained_, true)) {
            log_->warning(component,
                          "sessions that carry our own reports cannot be told from others until the store "
                          "answers: " +
                              fresh.error().message());
        }
        return;
    }
    complained_ = false;
    for (const store::HandedReport& report : *fresh) {
        newest_ = std::max(newest_, report.number);
        if (const Note note{report, false, {}}; !is_over(note, clock_->now()) && !known_.contains(report.message_id)) {
            known_.insert(report.message_id);
            open_[report.domain.text()].list.push_back(note);
        }
    }
    drop_over();
    look_at_kept(now);
}

void ReportSessions::drop_over() {
    const TimePoint now = clock_->now();
    for (auto of_domain = open_.begin(); of_domain != open_.end();) {
        std::vector<Note>& notes = of_domain->second.list;
        std::erase_if(notes, [&](const Note& note) {
            const bool over = is_over(note, now);
            if (over) {
                known_.erase(note.report.message_id);
                taken_off_ += note.kept ? 1 : 0;  // no better candidate came: it was this
            }
            return over;
        });
        of_domain = notes.empty() ? open_.erase(of_domain) : std::next(of_domain);
    }
}

// Where another process has found the session for certain, ours was an ordinary one.
void ReportSessions::look_at_kept(std::chrono::steady_clock::time_point now) {
    if (now < next_look_) {
        return;
    }
    next_look_ = now + look_again;
    for (auto& [domain, notes] : open_) {
        std::erase_if(notes.list, [&](Note& note) {
            if (!note.kept) {
                return false;
            }
            const auto claim = notes_->claim_of(note.report.message_id);
            if (!claim || *claim == ReportClaim::guessed) {
                return false;
            }
            release(note);
            known_.erase(note.report.message_id);
            return true;
        });
    }
    std::erase_if(open_, [](const auto& of_domain) { return of_domain.second.list.empty(); });
}

void ReportSessions::release(Note& note) {
    if (note.kept) {
        released_.emplace_back(note.kept->day, std::move(note.kept->session));
        note.kept.reset();
    }
}

std::optional<bool> ReportSessions::claim(const Note& note, ReportClaim how) {
    const auto had = notes_->claim(note.report.message_id, how);
    return had ? std::optional(*had) : std::nullopt;
}

// For a session under no policy: the oldest note that is still to be had.
bool ReportSessions::take_certain(Notes& notes) {
    while (!notes.list.empty()) {
        Note& note = notes.list.front();
        const auto had = claim(note, ReportClaim::certain);
        if (!had) {
            return false;
        }
        release(note);
        // It is not read again: somebody has it for certain.
        known_.erase(note.report.message_id);
        notes.list.erase(notes.list.begin());
        if (*had) {
            ++taken_off_;
            notes.come_under_no_policy = true;
            std::for_each(notes.list.begin(), notes.list.end(), [this](Note& other) { release(other); });
            return true;
        }
    }
    return false;
}

bool ReportSessions::take_guessed(Notes& notes, Day day, const tlsrpt::Session& session) {
    if (notes.come_under_no_policy) {
        return false;
    }
    for (Note& note : notes.list) {
        if (note.kept || note.another_guessed) {
            continue;
        }
        const auto had = claim(note, ReportClaim::guessed);
        if (!had) {
            return false;
        }
        if (*had) {
            note.kept = Kept{day, session};
            return true;
        }
        note.another_guessed = true;
    }
    return false;
}

bool ReportSessions::keeps_back(Day day, const tlsrpt::Session& session) {
    const auto found = open_.find(session.domain.text());
    if (found == open_.end()) {
        return false;
    }
    Notes& notes = found->second;
    const bool kept = under_no_policy(session) ? take_certain(notes) : take_guessed(notes, day, session);
    if (notes.list.empty()) {
        open_.erase(found);
    }
    return kept;
}

std::vector<std::pair<Day, tlsrpt::Session>> ReportSessions::take_released() {
    return std::exchange(released_, {});
}

std::size_t ReportSessions::kept_back() const {
    std::size_t count = 0;
    for (const auto& [domain, notes] : open_) {
        count += static_cast<std::size_t>(std::count_if(notes.list.begin(), notes.list.end(),
                                                        [](const Note& note) { return note.kept.has_value(); }));
    }
    return count;
}

}  // namespace postseal::sender
