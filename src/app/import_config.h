// The configuration of another policy daemon, postfix-tlspol's or postfix-mta-sts-resolver's (both YAML), as ours.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postseal::app {

struct ImportedConfig {
    struct Note {
        int line = 0;  // from 1; 0: a default of theirs, which stands in no line
        std::string key;
        bool mapped = false;
        std::string what;  // mapped: the key of ours; else why not, and what to do instead
    };
    std::string program;      // whose file it was
    std::string toml;         // a whole file for --config
    std::vector<Note> notes;  // in the order of the file
};

// Errors: not YAML (with the line), or neither program's.
Result<ImportedConfig> import_config(std::string_view yaml);

}  // namespace postseal::app
