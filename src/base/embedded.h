// Files built into the program: the web panel, the message catalogues. cmake/EmbedFiles.cmake generates the functions
// that return them; whoever uses one declares it: `namespace postseal::embedded { EmbeddedFiles web(); }`.
#pragma once

#include <span>
#include <string_view>

namespace postseal {

struct EmbeddedFile {
    std::string_view path;   // relative to the embedded folder, "/" between its parts
    std::string_view bytes;  // lives as long as the program
};

using EmbeddedFiles = std::span<const EmbeddedFile>;  // sorted by path

}  // namespace postseal
