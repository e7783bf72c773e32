// The texts of all findings, in English, in one table. The id is the key under which another language has its own
// texts.
#pragma once

#include <span>
#include <string_view>

#include "verdict/findings.h"

namespace postseal::verdict {

// `{name}` in a text stands for a parameter of the finding; {subject} is always there.
struct CatalogueEntry {
    std::string_view id;
    FindingSeverity severity;  // where the circumstances do not say otherwise
    std::string_view rfc;
    std::string_view message;
    std::string_view why;
    std::string_view fix;  // empty where nothing is to be done
};

std::span<const CatalogueEntry> catalogue();  // in the order in which find() reports
const CatalogueEntry* catalogue_entry(std::string_view id);

}  // namespace postseal::verdict
