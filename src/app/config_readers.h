// The sections of the configuration file, one function each; a new key goes into its section's.
#pragma once

#include "app/config_section.h"

namespace postseal::app {

// config_common.cpp
void read_store(Section& section, Config& config);
void read_resolver(Section& section, Config& config);
void read_tls(Section& section, Config& config);
void read_lab(Section& section, Config& config);
void read_metrics(Section& section, Config& config);

// config_sending.cpp
void read_policyd(Section& section, Config& config);
void read_collector(Section& section, Config& config);
void read_reporter(Section& section, Config& config);

// config_receiving.cpp
void read_hosting(Section& section, Config& config);
void read_dns(Section& section, Config& config);
void read_policy_host(Section& section, Config& config);
void read_acme(Section& root, Config& config);  // [[acme]], so it takes the root
void read_intake(Section& section, Config& config);
void read_console(Section& section, Config& config);
void read_mail(Section& section, Config& config);

}  // namespace postseal::app
