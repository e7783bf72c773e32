// The mail log of a Postfix without TLSRPT (before 3.10): the TLS sessions of its SMTP client, read from the lines that
// smtp_tls_loglevel = 1 writes. Pure: lines in, sessions out. What is counted is what Postfix 3.10 reports by datagram:
// handshakes, and the TLS that was required and not to be had; neither connections used again nor clear text. A session
// that carried what may be a report of ours names its Message-ID.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tlsrpt/mail_log.h"

namespace postseal::tlsrpt {

class PostfixLog final : public MailLog {
public:
    // The messages under way are what save() keeps.
    bool read(std::string_view text, const Now& now, std::vector<LoggedSession>& out) override;
    [[nodiscard]] std::string save() const override;
    bool restore(std::string_view saved) override;

private:
    struct Peer {
        std::string host;
        std::string address;
        std::uint16_t port = 0;
        friend bool operator==(const Peer&, const Peer&) = default;
    };
    struct Open {
        TimePoint at;
        Peer peer;
        std::optional<ResultType> failure;
        std::string reason;
        HeldTo held_to = HeldTo::unknown;
        bool awaits_words = false;  // a broken handshake of which the client has not spoken yet
    };
    struct Fault {  // why a certificate did not verify: logged just before the handshake is
        Peer peer;
        ResultType type = ResultType::certificate_not_trusted;
        std::string reason;
        HeldTo held_to = HeldTo::webpki;
    };
    // One process of the SMTP client: it serves one message at a time.
    struct Process {
        TimePoint seen;
        bool reports_itself = false;  // Postfix ≥ 3.10: the datagrams tell
        std::vector<Open> open;
        std::optional<Fault> fault;
        std::string last_request;  // queue id, relay and end of the last status line; its recipients so far
        std::set<std::string> last_recipients;
    };
    struct Line {
        TimePoint at;
        std::string_view process;  // "host postfix/smtp[123]"
        std::string_view host;     // of it
        enum class Program {
            smtp,
            tlsproxy,  // does the handshakes of smtp_tls_connection_reuse
            cleanup,   // tells the Message-ID of a queue id
        };
        Program program = Program::smtp;
        std::string_view said;
    };

    static std::optional<Line> parse(std::string_view text, const Now& now);
    static std::optional<Peer> parse_peer(std::string_view text);
    static std::optional<Fault> parse_fault(std::string_view said);
    void read_proxy(const Line& line);
    void read_cleanup(const Line& line);
    void read_handshake(Process& process, const Line& line, std::string_view word, std::string_view text);
    void read_policy_lookup(const Line& line, std::string_view rest, std::vector<LoggedSession>& out) const;
    void read_status(Process& process, const Line& line, std::string_view id, std::string_view rest,
                     std::vector<LoggedSession>& out);
    static void note_failure(Process& process, TimePoint at, std::string_view text, const std::optional<Peer>& relay);
    static void push(Process& process, Open open);
    Process& process_of(const Line& line);

    std::unordered_map<std::string, Process> processes_;
    std::deque<Fault> proxy_faults_;  // of tlsproxy processes, until the client's own line about that peer
    // Messages in a queue that may be reports of ours: "host queue-id" to Message-ID, and the order in which they came.
    std::unordered_map<std::string, std::string> reports_;
    std::deque<std::string> report_ages_;
};

}  // namespace postseal::tlsrpt
