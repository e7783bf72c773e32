// The main log of Exim 4.96 or later, into which packaging/exim has it write a line for each TLS session and for each
// one that was demanded and not to be had, from its own events: "postseal-session: …". What is counted is what Postfix
// 3.10 reports by datagram.
#pragma once

#include "tlsrpt/mail_log.h"

namespace postseal::tlsrpt {

class EximLog final : public MailLog {
public:
    // Lines of anything else, and lines that the fragment does not write, are passed over.
    bool read(std::string_view text, const Now& now, std::vector<LoggedSession>& out) override;

    // A line is a whole session: there is nothing under way.
    [[nodiscard]] std::string save() const override { return {}; }
    bool restore(std::string_view saved) override { return saved.empty(); }
};

}  // namespace postseal::tlsrpt
