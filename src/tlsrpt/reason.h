// What a sender's failure-reason-code means (RFC 8460 §4.4: free text): data/reasons.tsv, as a list that can be
// reviewed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postseal::tlsrpt {

struct ReasonText {
    std::string explanation;  // its words are in messages/*.json under reason.EXPLANATION
    std::string urgency;      // "now", "soon", "watch", "sender"
    std::string source;       // who writes it
    std::string text;         // as normalised_reason() gives it
};

// Errors say which line.
Result<std::vector<ReasonText>> parse_reason_texts(std::string_view text);
const std::vector<ReasonText>& reason_texts();  // the shipped list

// Lower case; "_", "-" and whatever is no letter, digit or one of .'/ become one blank.
std::string normalised_reason(std::string_view reason_code);

// The first of the list that occurs in the code, at the boundaries of words.
const ReasonText* explain_reason(std::string_view reason_code);

}  // namespace postseal::tlsrpt
