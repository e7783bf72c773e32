// The "version; name=value; name=value" form that RFC 8461 §3.1 and RFC 8460 §3 give their TXT records in the same
// words of ABNF: which record of an RRset counts, and its fields. What a field means is left to mtasts and tlsrpt.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"

namespace postseal::dns {

struct TxtForm {
    std::string_view version;  // "v=STSv1"
    std::string_view noun;     // "MTA-STS", for messages
    std::string_view article;  // "an", before the noun
    std::string_view rfc;      // "RFC 8461 §3.1", for problems
};

// Begins with exactly the version, *WSP and ";". The prose discards what does not begin with "v=…;" while the grammar
// lets blanks precede the ";" (of RFC 8461: EID 6285): we take such a record for ours, and count it.
bool has_version(std::string_view record, const TxtForm& form);

// The one record of the RRset that counts; nothing when none or several begin with the version. Adds what is wrong with
// the RRset; `line` of each problem is the 1-based number of the record. Empty records (blank lines of a file) are
// passed over in silence.
struct TxtChoice {
    std::vector<std::size_t> claimants;  // indices of the records that begin with the version
    std::optional<std::size_t> chosen;   // the claimant, when it is the only one
};
TxtChoice choose_txt_record(std::span<const std::string> records, const TxtForm& form, Problems& problems);

// One field, its name known to be 1*32 characters as the grammar has them, its value as written and not yet judged.
struct TxtField {
    int number = 0;  // counts from 1 behind the version
    std::string_view name;
    std::string_view value;
};
// The fields of a record that has_version(). Nothing when octets other than printable ASCII and blanks make them
// unreadable; other errors are added to `problems` and the fields that could be read are returned.
std::optional<std::vector<TxtField>> split_txt_fields(std::string_view record, const TxtForm& form, int line,
                                                      Problems& problems);

// ext-value = 1*(%x21-3A / %x3C / %x3E-7E): printable, without "=", ";" and blanks. Says what is wrong, or nothing.
std::optional<std::string> txt_value_fault(std::string_view value);

// "TXT record 2, field 3 (\"id=…\")", for messages.
std::string txt_field_place(int line, const TxtField& field);

}  // namespace postseal::dns
