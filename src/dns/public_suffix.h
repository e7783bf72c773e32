// The Public Suffix List (libpsl): under which names the public registers names of its own.
#pragma once

#include "dns/name.h"

namespace postseal::dns {

// "com", "co.uk", "github.io": nobody's own domain. Without a list: a name of one label.
bool is_public_suffix(const Name& name);
// The name that was registered: "example.co.uk" of mx1.mail.example.co.uk; a public suffix is its own.
Name registrable_domain(const Name& name);

}  // namespace postseal::dns
