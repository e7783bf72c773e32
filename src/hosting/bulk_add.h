// Many domains in one text: a file, or what somebody pastes. One domain a line; what is wrong with one line stops no
// other. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/name.h"
#include "store/domains.h"

namespace postseal::hosting {

constexpr std::size_t bulk_lines_max = 1000;  // with a domain on them
constexpr std::size_t bulk_line_bytes_max = 1000;

struct BulkLine {
    std::size_t line = 0;  // counts from 1
    std::string text;      // the domain as it was given
    store::Uses uses = store::Uses::both;
    // Of a line that cannot be taken: invalid-name, public-suffix, in-zone, too-long (of hostable_name), duplicate,
    // unknown-word, too-many-words; empty otherwise.
    std::string problem_code;
    std::string problem;  // an English sentence
    dns::Name name;       // when there is no problem
};

// `example.com`, then perhaps what it uses here: both, mta-sts, tls-rpt, watch; blanks, commas or semicolons between.
// Empty lines, what follows "#", a byte order mark and a first line "domain" are skipped. Error limit_exceeded.
Result<std::vector<BulkLine>> read_bulk(std::string_view text, store::Uses uses, const dns::Name& zone);

// Why a name cannot be hosted, as a stable word; see hostable_name().
std::string_view hostable_problem(std::string_view text, const dns::Name& zone);

}  // namespace postseal::hosting
