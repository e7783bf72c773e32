// The records that owners publish, written for the tools that publish them (RFC 8461 §8.2: hosting by CNAME). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/name.h"
#include "hosting/label.h"

namespace postseal::hosting {

enum class RecordFormat { bind, terraform, dnscontrol, csv, text };
std::string_view to_string(RecordFormat format);
std::optional<RecordFormat> record_format_from_string(std::string_view text);
std::string_view media_type(RecordFormat format);

struct DomainRecords {
    dns::Name domain;
    std::vector<CnameRecord> records;
};
// Of all domains as one file, comments included where the format has them.
std::string export_records(const std::vector<DomainRecords>& domains, RecordFormat format);

}  // namespace postseal::hosting
