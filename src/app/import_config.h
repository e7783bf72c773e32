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
    std::string program;  // whose file it was
    std::string toml;     // a whole file for --config
    // In the order of the file. Where the old address could not be taken over a last one, ATTENTION, says so.
    std::vector<Note> notes;
};

// What comes out is read by parse_config. Errors, with the line: not YAML, a key twice, what parse_config refuses; and
// a file that is neither program's.
Result<ImportedConfig> import_config(std::string_view yaml);

}  // namespace postseal::app
