#pragma once

#include "config/diagnostics.h"
#include "config/document.h"
#include "config/file_reader.h"
#include "util/bytes.h"

#include <cstddef>
#include <string>
#include <vector>

namespace warder::config {

// What a load reads at most; beyond it is an error. A file included twice counts twice.
inline constexpr util::ByteCount kLargestFile = util::mebibytes(1);
inline constexpr std::size_t kMostFiles = 4000;
inline constexpr std::size_t kDeepestInclude = 16;

// The files of the configuration called `name`, in fail2ban's order (a later one overrides):
// name.conf, name.d/*.conf, name.local, name.d/*.local. Only those that exist, hidden files left
// out; sorted bytewise. A folder that exists and cannot be listed is an error.
std::vector<std::string> files_of_name(FileReader& files, const std::string& name,
                                       Diagnostics& diagnostics);
// All of a folder: *.conf, then *.local, each sorted bytewise.
std::vector<std::string> files_of_folder(FileReader& files, const std::string& folder,
                                         Diagnostics& diagnostics);

// Reads the files in order, each with its [INCLUDES]: `before` files first, `after` files last,
// after each included y.conf its y.local. Included names are relative to the including file; one
// that does not exist is skipped; one that is being read already is skipped (cycle).
// `variables` are %(name)s for all files, for instance the folder of the configuration.
// Every error goes to `diagnostics`; use the document only when there is none.
Document load(FileReader& files, const std::vector<std::string>& paths, Diagnostics& diagnostics,
              const Parameters& variables = {});

// load(files_of_name()); no file at all is an error.
Document load_name(FileReader& files, const std::string& name, Diagnostics& diagnostics,
                   const Parameters& variables = {});

}  // namespace warder::config
